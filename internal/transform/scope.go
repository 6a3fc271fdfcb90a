package transform

import (
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Scope is what a process function may use: the current key, its time, states
// and timers, and the outputs.
type Scope[K comparable, U any] struct {
	ctx     operator.Context
	out     operator.Output
	backend state.Backend[K]
	store   *state.Store
	opened  bool

	key       K
	hash      uint64
	slot      uint32
	time      event.Time
	watermark event.Time
	passed    event.Time // the watermark before

	event, processing timers
	alarms            *alarms[K]   // nil: none can be set
	copyKey           func(*K)     // nil: keys share no memory
	keys              *slotKeys[K] // of slots with timers; nil until there is a snapshot

	buf   *event.Records[U]
	full  int
	limit int64 // bytes in buf, for records of variable size only
	bytes int64
	names []SideName
	sides []side
}

// SideName is a side output that somebody reads.
type SideName struct {
	Name   string
	Output int // its number
	Type   event.Type
}

// side is a side output in use.
type side interface{ send() }

func (s *Scope[K, U]) open(ctx operator.Context) {
	s.ctx, s.out = ctx, ctx.Output(0)
	s.watermark, s.passed = event.MinTime, event.MinTime
	t := event.TypeOf[U]()
	s.full = ctx.BatchCapacity(t.Size())
	if t.Variable() {
		s.limit = int64(s.full) * int64(t.Size())
	}
	s.buf = event.NewRecords[U](s.full)
	s.sides = make([]side, len(s.names))
	s.copyKey = keyCopier[K]()
	s.store.SetNow(ctx.Now().UnixNano())
}

// Store is where states are declared.
func (s *Scope[K, U]) Store() *state.Store { return s.store }

// Subtask is the index of the subtask, and how many there are.
func (s *Scope[K, U]) Subtask() (index, parallelism int) { return s.ctx.Subtask() }

// Key is the current key.
func (s *Scope[K, U]) Key() K { return s.key }

// Time is the event time of the record or of the timer.
func (s *Scope[K, U]) Time() event.Time { return s.time }

// Watermark is the current one; MaxTime when the input has ended.
func (s *Scope[K, U]) Watermark() event.Time { return s.watermark }

// Now is the processing time.
func (s *Scope[K, U]) Now() time.Time { return s.ctx.Now() }

// Count adds to a counter of the operator.
func (s *Scope[K, U]) Count(name string, n int64) { s.ctx.Count(name, n) }

// present is the earliest event time that is not late.
func (s *Scope[K, U]) present() event.Time {
	switch s.watermark {
	case event.MinTime:
		return event.At(s.ctx.Now())
	case event.MaxTime:
		return event.MaxTime
	}
	return s.watermark + 1
}

var errNoKey = errors.New("there is no current key in Open: timers are set in Process and OnTimer")

func (s *Scope[K, U]) queue(kind TimerKind) *timers {
	if !s.opened {
		panic(errNoKey)
	}
	if kind == ProcessingTimer {
		return &s.processing
	}
	return &s.event
}

// SetTimer sets a timer for the current key. There is one for a key, kind and
// time, however often it is set.
func (s *Scope[K, U]) SetTimer(kind TimerKind, at event.Time) {
	s.setTimer(kind, at, s.key, s.hash, s.slot)
}

// DeleteTimer takes a timer of the current key back.
func (s *Scope[K, U]) DeleteTimer(kind TimerKind, at event.Time) {
	if s.queue(kind).remove(at, s.hash, s.slot) {
		s.unpin(s.slot)
	}
}

// SetAlarm has OnAlarm of an Alarmed program called for the current key when
// the watermark reaches a time. Unlike a timer, it keeps the key and not the
// state in memory; alarms are not deduplicated, and cannot be taken back.
func (s *Scope[K, U]) SetAlarm(at event.Time) {
	k := s.key
	if s.copyKey != nil {
		s.copyKey(&k)
	}
	s.alarms.add(alarm[K]{at: at, hash: s.hash, key: k})
}

// Reject reports a value that a function of the user refused. It unwinds if the
// job must fail.
func (s *Scope[K, U]) Reject(value any, t event.Time, err error) {
	if err := s.ctx.Reject(value, t, err); err != nil {
		panic(operator.Unwind{Err: err})
	}
}

// timers returns how many there are and their memory.
func (s *Scope[K, U]) timers() (n int, bytes int64) {
	return s.event.len() + s.processing.len(), s.event.bytes() + s.processing.bytes()
}

// Emit passes a record on with the time of the current record or timer.
func (s *Scope[K, U]) Emit(u U) { s.EmitAt(u, s.time) }

// EmitAt passes a record on with a time.
func (s *Scope[K, U]) EmitAt(u U, t event.Time) {
	s.buf.Append(u, t)
	n := len(s.buf.Values)
	if s.limit > 0 {
		_, b := s.buf.Fit(n-1, 0)
		s.bytes += b
	}
	if n >= s.full || s.bytes > s.limit {
		s.sendMain()
	}
}

// send passes all open batches on.
func (s *Scope[K, U]) send() {
	s.sendMain()
	for _, o := range s.sides {
		if o != nil {
			o.send()
		}
	}
}

func (s *Scope[K, U]) sendMain() {
	s.bytes = 0
	pass(s.out, s.buf)
}

// pass emits a batch from within a function of the user: a panic further down
// is not that function's.
func pass(out operator.Output, b event.Batch) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(operator.Unwind); !ok {
				v = operator.Unwind{Err: operator.Panicked(v)}
			}
			panic(v)
		}
	}()
	out.Emit(b)
}

// Side is a side output of records of type X.
type Side[X any] struct {
	out   operator.Output
	buf   *event.Records[X]
	full  int
	limit int64
	bytes int64
}

// SideOf returns the side output of a name. It is nil when nobody reads it.
func SideOf[X any, K comparable, U any](s *Scope[K, U], name string) *Side[X] {
	for i, n := range s.names {
		if n.Name != name {
			continue
		}
		if s.sides[i] == nil {
			s.sides[i] = openSide[X](s.ctx, n)
		}
		return s.sides[i].(*Side[X])
	}
	return nil
}

// OutputOf returns an output by its number, 1 or more. It is nil when nobody
// reads it.
func OutputOf[X any, K comparable, U any](s *Scope[K, U], output int) *Side[X] {
	if s.ctx.Output(output) == nil {
		return nil
	}
	o := openSide[X](s.ctx, SideName{Output: output, Type: event.TypeOf[X]()})
	s.sides = append(s.sides, o)
	return o
}

func openSide[X any](ctx operator.Context, n SideName) *Side[X] {
	t := event.TypeOf[X]()
	if t != n.Type {
		panic(fmt.Errorf("the side output %q has records of type %s, not %s", n.Name, n.Type.Name(), t.Name()))
	}
	o := &Side[X]{out: ctx.Output(n.Output), full: ctx.BatchCapacity(t.Size())}
	if t.Variable() {
		o.limit = int64(o.full) * int64(t.Size())
	}
	o.buf = event.NewRecords[X](o.full)
	return o
}

// Emit passes a record on.
func (o *Side[X]) Emit(x X, t event.Time) {
	o.buf.Append(x, t)
	n := len(o.buf.Values)
	if o.limit > 0 {
		_, b := o.buf.Fit(n-1, 0)
		o.bytes += b
	}
	if n >= o.full || o.bytes > o.limit {
		o.send()
	}
}

func (o *Side[X]) send() {
	o.bytes = 0
	pass(o.out, o.buf)
}
