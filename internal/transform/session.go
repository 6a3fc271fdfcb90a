package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// Session folds the records of each key into sessions, and emits results when
// the watermark completes one, and earlier and later as the firing says.
//
// Each key has one alarm at most that counts: it is set when a session begins,
// and set anew, when it comes due, if the session has grown meanwhile. So a
// record of a running session costs no work on timers.
type Session[K comparable, T, A, U any] struct {
	base
	keyed[K, T, Activity[A]]
	fold     Fold[T, A]
	firing   window.Firing
	sessions sessions[K, A]
	results  results[K, A, U]
	late     lateRecords[T]
	alarms   *alarms[K]
	copyKey  func(*K)
	done     func(*session[A]) bool // fired, and not kept; made once
	plain    bool                   // one result for each session

	watermark event.Time
	touched   []int // records of the batch that came to complete sessions
	empty     []int // records of the batch whose keys may have no session
	ticker    ticker
	changed   []alarm[K] // keys that an early result is due for
	lent      bool       // changed is shared with a capture

	hashes [chunk]uint64
	dues   [chunk]event.Time
	gone   [chunk]int32
}

// NewSession returns the operator; the sessions and the firing are valid.
func NewSession[K comparable, T, A, U any](d window.Sessions, f window.Firing, key func(*T) K, fold Fold[T, A], result Result[K, A, U], table Tables[K, Activity[A]]) operator.Operator {
	o := &Session[K, T, A, U]{fold: fold, firing: f, copyKey: keyCopier[K](), watermark: event.MinTime}
	o.plain, o.tables.open = f.Once(), table
	o.key, o.results.result, o.ticker.every = key, result, f.Early
	o.sessions.def, o.sessions.gap, o.sessions.merge = d, event.Time(d.Gap()), fold.Merge
	o.alarms = newAlarms[K](d.Gap())
	o.done = func(s *session[A]) bool { return s.fired && o.expired(o.sessions.of(s).End) }
	return o
}

// Open implements operator.Operator.
func (o *Session[K, T, A, U]) Open(ctx operator.Context) error {
	if err := o.tables.openTables(ctx); err != nil {
		return err
	}
	o.sessions.make = o.tables.all.New
	o.sessions.table = o.sessions.make()
	o.results.open(ctx)
	o.late.open(ctx)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Session[K, T, A, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.publish()
	n := len(in.Values)
	for base := 0; base < n; base += chunk {
		to := min(base+chunk, n)
		o.find(o.sessions.table, in, base, to)
		for from := base; from < to; {
			done, err := o.foldRun(in, from, to, base)
			from = done
			if err != nil {
				if err := o.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
					return err
				}
				from++
			}
		}
	}
	if err := o.fireLate(in); err != nil {
		return err
	}
	o.forgetEmpty(in)
	o.late.flush()
	o.results.flush()
	return nil
}

// foldRun folds records [from,to) up to one whose fold fails.
func (o *Session[K, T, A, U]) foldRun(in *event.Records[T], from, to, base int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	add := o.fold.Add
	for i := from; i < to; i++ {
		o.pos = i
		a, t := o.accs[i-base], in.Times[i]
		s := &a.head
		if a.n == 1 && !s.fired && o.sessions.near(s, t, t) {
			s.first, s.last = min(s.first, t), max(s.last, t)
		} else if s = o.place(owner[K, A]{a, o.keys[i-base], in.Hashes[i]}, i, t); s == nil {
			o.late.add(&in.Values[i], t)
			continue
		}
		add(&s.acc, &in.Values[i])
		if o.plain {
			continue
		}
		if err := o.note(owner[K, A]{a, o.keys[i-base], in.Hashes[i]}, s, i); err != nil {
			return i, err
		}
	}
	return to, nil
}

// place finds or begins the session of a record; nil says that it is late.
func (o *Session[K, T, A, U]) place(k owner[K, A], i int, t event.Time) *session[A] {
	s := o.sessions.find(&k, t)
	if s == nil {
		if o.expired(t.Add(o.sessions.def.Gap())) {
			if k.n == 0 {
				o.empty = append(o.empty, i)
			}
			return nil
		}
		s = o.sessions.begin(&k, t)
	} else if s.fired && !o.complete(s) {
		s.fired = false
	}
	if due := o.due(s); !k.armed || due < k.alarm {
		o.arm(k, due, o.copyKey)
	}
	return s
}

// note does what firings other than the one of the watermark need to know of a
// record.
func (o *Session[K, T, A, U]) note(k owner[K, A], s *session[A], i int) error {
	s.records = addRecords(s.records, 1)
	if o.complete(s) {
		s.fired = true // late, at the end of the batch
		o.touched = append(o.touched, i)
		return nil
	}
	if n := o.firing.EarlyCount; n > 0 && int(s.records) >= n {
		return o.fire(k.key, s, window.Early)
	}
	if o.firing.Early > 0 && !k.listed {
		k.listed = true
		if o.copyKey != nil {
			o.copyKey(&k.key)
		}
		o.changed = append(o.changed, alarm[K]{hash: k.hash, key: k.key})
		o.ticker.start(o.ctx)
	}
	return nil
}

func (o *Session[K, T, A, U]) arm(k owner[K, A], due event.Time, copyKey func(*K)) {
	if copyKey != nil {
		copyKey(&k.key)
	}
	k.alarm, k.armed = due, true
	o.alarms.add(alarm[K]{at: due, hash: k.hash, key: k.key})
}

func (o *Session[K, T, A, U]) complete(s *session[A]) bool {
	return o.sessions.of(s).Complete(o.watermark)
}

// expired tells whether a session with that end is not kept any more.
func (o *Session[K, T, A, U]) expired(end event.Time) bool {
	return o.watermark == event.MaxTime || o.kept(end) <= o.watermark
}

// kept is the watermark at which a session is dropped.
func (o *Session[K, T, A, U]) kept(end event.Time) event.Time {
	if end == event.MaxTime {
		return end
	}
	return (end - 1).Add(o.firing.Lateness)
}

// due is the watermark at which a session has to be looked at.
func (o *Session[K, T, A, U]) due(s *session[A]) event.Time {
	end := o.sessions.of(s).End
	switch {
	case s.fired:
		return o.kept(end)
	case end == event.MaxTime:
		return end
	}
	return end - 1
}

func (o *Session[K, T, A, U]) fire(key K, s *session[A], t window.Timing) error {
	w := o.sessions.of(s)
	err := o.results.fire(key, w, t, &s.acc, w.End-1)
	s.records = 0
	if o.firing.Discard {
		var zero A
		s.acc = zero
	}
	return err
}

// Watermark implements operator.Operator: it fires what is complete.
func (o *Session[K, T, A, U]) Watermark(t event.Time) error {
	if t <= o.watermark && t > event.MinTime { // after a recovery: nothing new
		o.ctx.Watermark(t)
		return nil
	}
	o.watermark = t
	for n := chunk; n == chunk; {
		// Many keys are looked up at a time, for their cache misses to overlap.
		for n = 0; n < chunk; n++ {
			a, ok := o.alarms.pop(t)
			if !ok {
				break
			}
			o.keys[n], o.hashes[n], o.dues[n] = a.key, a.hash, a.at
		}
		lookUp(&o.tables.gauges, o.sessions.table, o.keys[:n], o.hashes[:n], o.accs[:n])
		gone := o.gone[:0]
		for i := range n {
			k := o.accs[i]
			if k.armed && k.alarm == o.dues[i] {
				k.armed = false
				if err := o.ring(owner[K, A]{k, o.keys[i], o.hashes[i]}); err != nil {
					return err
				}
			}
			if k.n == 0 {
				gone = append(gone, int32(i))
			}
		}
		for _, i := range gone {
			o.sessions.table.Delete(&o.keys[i], o.hashes[i])
		}
	}
	o.results.flush()
	o.ctx.Watermark(t)
	return nil
}

// ring fires and drops the sessions of a key that are due, and arms the next
// alarm.
func (o *Session[K, T, A, U]) ring(k owner[K, A]) error {
	for i := range k.n {
		s := o.sessions.at(&k, i)
		if s.fired || !o.complete(s) {
			continue
		}
		s.fired = true
		if o.plain || s.records > 0 || !o.firing.Discard {
			if err := o.fire(k.key, s, window.OnTime); err != nil {
				return err
			}
		}
	}
	if !o.sessions.drop(&k, o.done) {
		return nil
	}
	due := o.due(&k.head)
	for i := int32(1); i < k.n; i++ {
		due = min(due, o.due(o.sessions.at(&k, i)))
	}
	o.arm(k, due, nil)
	return nil
}

// fireLate emits a result for each complete session that the batch has changed.
func (o *Session[K, T, A, U]) fireLate(in *event.Records[T]) error {
	if len(o.touched) == 0 {
		return nil
	}
	o.results.begin(&o.tables.gauges)
	for _, i := range o.touched {
		key := o.key(&in.Values[i])
		k := owner[K, A]{o.sessions.table.Get(&key, in.Hashes[i]), key, in.Hashes[i]}
		for n := range k.n {
			s := o.sessions.at(&k, n)
			if s.records == 0 || !s.fired || !o.sessions.near(s, in.Times[i], in.Times[i]) {
				continue
			}
			if err := o.fire(key, s, window.Late); err != nil {
				return err
			}
		}
	}
	o.results.end()
	o.touched = o.touched[:0]
	return nil
}

// forgetEmpty removes the keys whose records were all late.
func (o *Session[K, T, A, U]) forgetEmpty(in *event.Records[T]) {
	for _, i := range o.empty {
		key := o.key(&in.Values[i])
		if k := o.sessions.table.Get(&key, in.Hashes[i]); k != nil && k.n == 0 {
			o.sessions.table.Delete(&key, in.Hashes[i])
		}
	}
	o.empty = o.empty[:0]
}

// Woken implements operator.Waking: it fires early.
func (o *Session[K, T, A, U]) Woken() error {
	if !o.ticker.due(o.ctx) {
		return nil
	}
	o.results.begin(&o.tables.gauges)
	for _, c := range o.changed {
		a := o.sessions.table.Get(&c.key, c.hash)
		if a == nil {
			continue
		}
		k := owner[K, A]{a, c.key, c.hash}
		k.listed = false
		for i := range k.n {
			s := o.sessions.at(&k, i)
			if s.records == 0 || s.fired {
				continue
			}
			if err := o.fire(c.key, s, window.Early); err != nil {
				return err
			}
		}
	}
	o.results.end()
	if o.lent {
		o.changed, o.lent = nil, false
	}
	clear(o.changed)
	o.changed = o.changed[:0]
	o.results.flush()
	return nil
}

// Close implements operator.Operator.
func (o *Session[K, T, A, U]) Close() error { return o.tables.closeTables() }

// publish sets the gauges now and then. The keys of alarms are in memory.
func (o *Session[K, T, A, U]) publish() {
	if !o.tables.due(o.ctx.Now()) {
		return
	}
	s := &o.sessions
	o.tables.publish(s.table.Len(), s.bytes()+o.alarms.bytes())
	o.ctx.Gauge("timers", float64(o.alarms.len()))
}
