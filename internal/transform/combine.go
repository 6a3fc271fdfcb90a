package transform

import (
	"slices"
	"unsafe"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// partialOutput is the output of Combine for partial results.
const partialOutput = 1

// Bounds of what Combine holds.
const (
	combineBytes    = 1 << 20 // of keys and accumulators: they stay in the second cache
	minCombineKeys  = 1 << 10
	maxCombineKeys  = 1 << 14
	maxCombinePanes = 64
)

// Combine folds records by key and pane ahead of a keyed exchange and emits
// partial results to output 1, for the window operator behind the exchange to
// merge. Where that does not pay, it passes batches to output 0 as they are.
//
// What it holds of a pane leaves before the watermark that ends the pane does,
// or before others are told that the input is idle, so no result is later for
// it. Records that are late already here go to output 0, as do those on which
// the user's function panics: the window operator treats them like any other.
type Combine[K comparable, T, A any] struct {
	base
	keyed[K, T, A]
	assigner window.Assigner
	fold     Fold[T, A]
	hash     func(event.Batch)
	make     func() state.Table[K, Part[A]]
	worth    worth

	panes     []combined[K, A] // ascending
	spare     []state.Table[K, Part[A]]
	held      int // keys, over all panes
	limit     int
	watermark event.Time
	ends      event.Time // the watermark that ends another pane
	live      int64      // the first pane that is not late
	stale     bool       // live is of an older watermark

	partials operator.Output
	buf      *event.Records[Partial[K, A]]
	raw      *event.Records[T]
	gathered *event.Records[T]
	left     []int32
	add      func(*A, *T)
	before   A // the accumulator before the call of Add
	parts    [chunk]*Part[A]
}

// Part is what Combine keeps for a key and pane.
type Part[A any] struct {
	acc     A
	records int64
}

// combined is what is held of a pane.
type combined[K comparable, A any] struct {
	number   int64
	from, to event.Time
	at       event.Time // of a record in it
	table    state.Table[K, Part[A]]
}

// NewCombine returns the operator. fold must be commutative; hash fills the
// hashes of a batch of records. An operator that combines always does so
// without asking whether it pays.
func NewCombine[K comparable, T, A any](a window.Assigner, key func(*T) K, hash func(event.Batch), fold Fold[T, A], table func() state.Table[K, Part[A]], always bool) operator.Operator {
	o := &Combine[K, T, A]{assigner: a, fold: fold, hash: hash, make: table, worth: worth{always: always}, watermark: event.MinTime, ends: event.MinTime, stale: true}
	o.key = key
	o.add = func(acc *A, v *T) {
		o.before = *acc
		o.fold.Add(acc, v)
	}
	return o
}

// Open implements operator.Operator.
func (o *Combine[K, T, A]) Open(ctx operator.Context) error {
	var p Partial[K, A]
	o.limit = min(max(combineBytes/(int(unsafe.Sizeof(p))+8), minCombineKeys), maxCombineKeys)
	o.tables.gauges.ctx = ctx
	o.partials = ctx.Output(partialOutput)
	o.buf = event.NewRecords[Partial[K, A]](ctx.BatchCapacity(event.TypeOf[Partial[K, A]]().Size()))
	o.raw = event.NewRecords[T](1)
	o.gathered = event.NewRecords[T](chunk)
	o.left = make([]int32, 0, chunk)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Combine[K, T, A]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	n := len(in.Values)
	if o.worth.pass(n) {
		o.out.Emit(b)
		return nil
	}
	o.publish()
	if o.stale {
		o.live, o.stale = o.assigner.Live(o.watermark), false
	}
	o.hash(b)
	for from := 0; from < n; {
		to := min(from+chunk, n)
		p, end := o.paneAt(in.Times[from]), from
		if p != nil {
			end = from + within(in.Times[from:to], p.from, p.to)
		}
		if p != nil && (end == to || end-from >= chunk/4) {
			o.foldRun(p, in, from, end)
			from = end
		} else {
			o.foldMixed(in, from, to)
			from = to
		}
		if o.held >= o.limit || len(o.panes) > maxCombinePanes {
			o.flush(len(o.panes))
		}
	}
	if len(o.raw.Values) > 0 {
		o.out.Emit(o.raw)
	}
	return nil
}

// paneAt is the pane of an event time, nil when that is late.
func (o *Combine[K, T, A]) paneAt(t event.Time) *combined[K, A] {
	for i := len(o.panes) - 1; i >= 0; i-- {
		if p := &o.panes[i]; t >= p.from && t < p.to {
			return p
		}
	}
	number := o.assigner.Pane(t)
	if number < o.live {
		return nil
	}
	i, found := slices.BinarySearchFunc(o.panes, number, func(p combined[K, A], n int64) int {
		switch {
		case p.number < n:
			return -1
		case p.number > n:
			return 1
		}
		return 0
	})
	if !found {
		o.panes = slices.Insert(o.panes, i, combined[K, A]{number: number, from: o.assigner.PaneStart(number), to: o.assigner.PaneStart(number + 1), at: t, table: o.table()})
	}
	return &o.panes[i]
}

func (o *Combine[K, T, A]) table() state.Table[K, Part[A]] {
	if n := len(o.spare); n > 0 {
		t := o.spare[n-1]
		o.spare = o.spare[:n-1]
		return t
	}
	return o.make()
}

// publish sets the gauges now and then.
func (o *Combine[K, T, A]) publish() {
	if !o.tables.due(o.ctx.Now()) {
		return
	}
	bytes := int64(0)
	for i := range o.panes {
		bytes += o.panes[i].table.Bytes()
	}
	for _, t := range o.spare {
		bytes += t.Bytes()
	}
	o.tables.gauges.publish(o.held, bytes)
}

// foldRun folds records [from,to), at most a chunk, into a pane.
func (o *Combine[K, T, A]) foldRun(p *combined[K, A], in *event.Records[T], from, to int) {
	had := p.table.Len()
	n := to - from
	values, keys, parts, accs := in.Values[from:to], o.keys[:n], o.parts[:n], o.accs[:n]
	for i := range values {
		keys[i] = o.key(&values[i])
	}
	lookUp(&o.tables.gauges, p.table, keys, in.Hashes[from:to], parts)
	for i, part := range parts {
		part.records++
		accs[i] = &part.acc
	}
	o.held += p.table.Len() - had
	o.worth.seen += n
	for at := from; at < to; {
		done, err := o.keyed.add(in, at, to, from, o.add, o.fold.AddAll)
		at = done
		if err != nil {
			// The window operator will see the record, as if nobody had before.
			*accs[done-from] = o.before
			parts[done-from].records--
			o.raw.Append(in.Values[done], in.Times[done])
			at++
		}
	}
}

// foldMixed folds records [from,to) of several panes, one pane at a time.
func (o *Combine[K, T, A]) foldMixed(in *event.Records[T], from, to int) {
	left := o.left[:0]
	for i := from; i < to; i++ {
		left = append(left, int32(i))
	}
	for len(left) > 0 {
		t := in.Times[left[0]]
		p := o.paneAt(t)
		if p == nil {
			o.raw.Append(in.Values[left[0]], t)
			left = left[1:]
			continue
		}
		g := o.gathered
		g.Truncate(0)
		g.Hashes = g.Hashes[:0]
		rest := left[:0]
		for n, i := range left {
			// The first is in p, even at MaxTime, which no end is after.
			if t := in.Times[i]; n > 0 && (t < p.from || t >= p.to) {
				rest = append(rest, i)
				continue
			}
			g.Append(in.Values[i], in.Times[i])
			g.Hashes = append(g.Hashes, in.Hashes[i])
		}
		left = rest
		o.foldRun(p, g, 0, len(g.Values))
	}
}

// flush emits the partial results of the first n panes.
func (o *Combine[K, T, A]) flush(n int) {
	send := func() { o.partials.Emit(o.buf) }
	for i := range o.panes[:n] {
		p := &o.panes[i]
		walk := o.tables.walk()
		p.table.Range(0, func(_ uint64, key K, part *Part[A]) bool {
			o.buf.Append(Partial[K, A]{key, part.acc, part.records}, p.at)
			if len(o.buf.Values) == cap(o.buf.Values) {
				walk.emit(send)
			}
			return true
		})
		walk.done()
		keys := p.table.Len()
		o.held -= keys
		o.worth.emitted += keys
		p.table.Clear()
		if len(o.spare) < maxSpare {
			o.spare = append(o.spare, p.table)
		}
	}
	if len(o.buf.Values) > 0 {
		send()
	}
	o.panes = slices.Delete(o.panes, 0, n)
	if o.worth.judge(o.held); o.worth.passing > 0 && len(o.panes) > 0 {
		o.flush(len(o.panes))
	}
}

// Watermark implements operator.Operator: panes that end leave ahead of it.
func (o *Combine[K, T, A]) Watermark(t event.Time) error {
	o.watermark, o.stale = t, true
	if t < o.ends {
		o.ctx.Watermark(t)
		return nil
	}
	ended := 0
	for ended < len(o.panes) && (t == event.MaxTime || o.panes[ended].to-1 <= t) {
		ended++
	}
	if ended > 0 {
		o.flush(ended)
	}
	o.ctx.Watermark(t)
	if t < event.MaxTime {
		o.ends = o.assigner.PaneStart(o.assigner.Pane(t+1)+1) - 1
		// Where no partial results follow, the watermark would stay behind that
		// of the records, and panes open for longer.
		if f, ok := o.partials.(operator.Flushing); ok {
			f.Flush()
		}
	}
	return nil
}

// Holding implements operator.Holding: before others are told that the input is
// idle, what is held has to leave. Woken emits it.
func (o *Combine[K, T, A]) Holding() bool {
	if len(o.panes) > 0 {
		o.ctx.Wake()
	}
	return len(o.panes) > 0
}

// Woken implements operator.Waking.
func (o *Combine[K, T, A]) Woken() error {
	o.flush(len(o.panes))
	return nil
}
