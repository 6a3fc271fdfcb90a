package transform

import (
	"math"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// lateOutput is the side output of records that came after their windows.
const lateOutput = 1

// maxSpare bounds the cleared tables that are kept to be used again.
const maxSpare = 2

// Window folds records by key and pane of event time, and emits a result for
// each key when the watermark completes a window. A record is folded once,
// however many windows it is in: windows share panes, which are merged when
// they fire.
type Window[K comparable, T, A, U any] struct {
	base
	keyed[K, T, A]
	assigner window.Assigner
	fold     Fold[T, A]
	results  WindowResults[K, A, U]
	plain    bool // keys are the same wherever they are copied to

	panes  []pane[K, A] // ascending
	fired  int64        // the last window that fired
	live   int64        // the first pane that is not late
	spare  []state.Table[K, A]
	ahead  ahead[pane[K, A]]
	blocks blocks[K, A]

	buf      *event.Records[U]
	late     *event.Records[T]
	lateOut  operator.Output
	numbers  []int64
	gathered *event.Records[T]
	left     []int32

	scanKeys   [chunk]K
	scanHashes [chunk]uint64
	scanStates [chunk]*A
	merged     [chunk]*A
}

type pane[K comparable, A any] struct {
	number   int64
	from, to event.Time
	table    state.Table[K, A]
}

// WindowResults sets out[i] to what is emitted for keys[i], whose accumulator is
// accs[i], and a window. It must not keep nor change the accumulators: other
// windows may have them too, and the next checkpoint counts them as unchanged.
type WindowResults[K, A, U any] func(keys []K, w window.Window, accs []*A, out []U)

// EachResult is WindowResults by a function for each key.
func EachResult[K, A, U any](f func(K, window.Window, *A) U) WindowResults[K, A, U] {
	return func(keys []K, w window.Window, accs []*A, out []U) {
		for i := range out {
			out[i] = f(keys[i], w, accs[i])
		}
	}
}

// NewWindow returns the operator; the assigner is valid. results makes what is
// emitted.
func NewWindow[K comparable, T, A, U any](a window.Assigner, key func(*T) K, fold Fold[T, A], results WindowResults[K, A, U], table Tables[K, A]) operator.Operator {
	o := &Window[K, T, A, U]{assigner: a, fold: fold, results: results, fired: math.MinInt64, live: math.MinInt64}
	o.blocks = newBlocks[K, A](a.PanesPerWindow())
	o.plain = !event.TypeOf[K]().Variable()
	o.key, o.tables.open = key, table
	return o
}

// Open implements operator.Operator.
func (o *Window[K, T, A, U]) Open(ctx operator.Context) error {
	if err := o.tables.openTables(ctx); err != nil {
		return err
	}
	o.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	o.late = event.NewRecords[T](1)
	o.gathered = event.NewRecords[T](chunk)
	o.left = make([]int32, 0, chunk)
	o.lateOut = ctx.Output(lateOutput)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Window[K, T, A, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.publish()
	n := len(in.Values)
	for from := 0; from < n; {
		to := min(from+chunk, n)
		p := o.paneAt(in.Times[from])
		end := to
		if p != nil {
			end = from + within(in.Times[from:to], p.from, p.to)
		}
		// A run of records of one pane is the common case. Where panes
		// alternate, gather the records of each.
		if p != nil && (end == to || end-from >= chunk/4) {
			if err := o.foldRun(p, in, from, end); err != nil {
				return err
			}
			from = end
			continue
		}
		if err := o.foldMixed(in, from, to); err != nil {
			return err
		}
		from = to
	}
	if len(o.late.Values) > 0 {
		o.ctx.Count("late", int64(len(o.late.Values)))
		if o.lateOut != nil {
			o.lateOut.Emit(o.late)
		}
		o.late.Reset()
	}
	return nil
}

// within counts the leading times in [from,to).
func within(times []event.Time, from, to event.Time) int {
	span := uint64(to - from)
	for i, t := range times {
		if uint64(t-from) >= span {
			return i
		}
	}
	return len(times)
}

// paneAt is the pane of an event time, nil when that is late.
func (o *Window[K, T, A, U]) paneAt(t event.Time) *pane[K, A] {
	// The last pane is the one in use most often.
	for i := len(o.panes) - 1; i >= 0; i-- {
		if p := &o.panes[i]; t >= p.from && t < p.to {
			return p
		} else if t >= p.to {
			break
		}
	}
	number := o.assigner.Pane(t)
	if number < o.live {
		return nil
	}
	i, found := slices.BinarySearchFunc(o.panes, number, func(p pane[K, A], n int64) int {
		switch {
		case p.number < n:
			return -1
		case p.number > n:
			return 1
		}
		return 0
	})
	if !found {
		o.panes = slices.Insert(o.panes, i, pane[K, A]{number: number, from: o.assigner.PaneStart(number), to: o.assigner.PaneStart(number + 1), table: o.table()})
	}
	return &o.panes[i]
}

func (o *Window[K, T, A, U]) table() state.Table[K, A] {
	if n := len(o.spare); n > 0 {
		t := o.spare[n-1]
		o.spare = o.spare[:n-1]
		return t
	}
	t := o.tables.all.New()
	if n := len(o.panes); n > 0 {
		t.Expect(o.panes[n-1].table.Len()) // one pane is about like the next
	}
	return t
}

// foldRun folds records [from,to), at most a chunk, into a pane.
func (o *Window[K, T, A, U]) foldRun(p *pane[K, A], in *event.Records[T], from, to int) error {
	if p.number <= o.blocks.last {
		o.blocks.changed(p.number)
	}
	o.find(p.table, in, from, to)
	for at := from; at < to; {
		done, err := o.add(in, at, to, from, o.fold.Add, o.fold.AddAll)
		at = done
		if err != nil {
			if err := o.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// foldMixed folds records [from,to) of several panes, one pane at a time.
func (o *Window[K, T, A, U]) foldMixed(in *event.Records[T], from, to int) error {
	left := o.left[:0]
	for i := from; i < to; i++ {
		left = append(left, int32(i))
	}
	for len(left) > 0 {
		t := in.Times[left[0]]
		p := o.paneAt(t)
		if p == nil {
			o.late.Append(in.Values[left[0]], t)
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
		if err := o.foldRun(p, g, 0, len(g.Values)); err != nil {
			return err
		}
	}
	return nil
}

// Watermark implements operator.Operator: it fires what is complete.
func (o *Window[K, T, A, U]) Watermark(t event.Time) error {
	if len(o.ahead) > 0 {
		o.catchUp(o.assigner.Complete(t))
	}
	o.fireDue(t)
	o.out.Emit(o.buf)
	o.fired = max(o.fired, o.assigner.Complete(t))
	o.live = max(o.live, o.assigner.Live(t))
	dead := 0
	for dead < len(o.panes) && o.panes[dead].number < o.live {
		table := o.panes[dead].table
		table.Clear()
		if len(o.spare) < maxSpare {
			o.spare = append(o.spare, table)
		}
		dead++
	}
	o.panes = slices.Delete(o.panes, 0, dead)
	o.blocks.before(o.live)
	o.ctx.Watermark(t)
	return nil
}

// fireDue emits the results of the windows that a watermark completes.
func (o *Window[K, T, A, U]) fireDue(t event.Time) {
	o.numbers = o.numbers[:0]
	for i := range o.panes {
		o.numbers = append(o.numbers, o.panes[i].number)
	}
	at := 0
	for i, numbers := range o.assigner.Due(o.numbers, o.fired, t) {
		for o.panes[at].number != numbers[0] {
			at++
		}
		o.fire(i, o.panes[at:at+len(numbers)])
	}
}

// fire emits the results of a window.
func (o *Window[K, T, A, U]) fire(number int64, panes []pane[K, A]) {
	w, table := o.assigner.Window(number), panes[0].table
	if len(panes) > 1 {
		table = o.table()
		first, stop := o.assigner.PanesOf(number)
		o.sum(table, first, stop, panes)
	}
	if o.plain {
		o.fireScanned(w, table)
	} else {
		o.fireEach(w, table)
	}
	if len(panes) > 1 {
		table.Clear()
		o.spare = append(o.spare, table)
	}
}

// fireScanned emits the results of the keys of a table, which may be kept.
func (o *Window[K, T, A, U]) fireScanned(w window.Window, table state.Table[K, A]) {
	for cursor := 0; cursor >= 0; {
		start := o.ctx.Now()
		var n int
		n, cursor = table.Scan(cursor, o.scanKeys[:], o.scanHashes[:], o.scanStates[:])
		o.tables.spent += float64(o.ctx.Now().Sub(start))
		for from := 0; from < n; {
			to := min(n, from+max(cap(o.buf.Values)-len(o.buf.Values), 1))
			o.results(o.scanKeys[from:to], w, o.scanStates[from:to], o.buf.NextAll(to-from, w.End-1))
			if len(o.buf.Values) >= cap(o.buf.Values) {
				o.out.Emit(o.buf)
			}
			from = to
		}
	}
}

// fireEach emits the results of the keys of a table.
func (o *Window[K, T, A, U]) fireEach(w window.Window, table state.Table[K, A]) {
	walk := o.tables.walk()
	send := func() { o.out.Emit(o.buf) }
	table.Range(0, func(_ uint64, key K, acc *A) bool {
		walk.enter()
		o.scanKeys[0], o.scanStates[0] = key, acc
		o.results(o.scanKeys[:1], w, o.scanStates[:1], o.buf.NextAll(1, w.End-1))
		walk.leave()
		if len(o.buf.Values) >= cap(o.buf.Values) {
			walk.emit(send)
		}
		return true
	})
	walk.done()
}

// merge adds the accumulators of one table to another.
func (o *Window[K, T, A, U]) merge(into, from state.Table[K, A]) {
	for cursor := 0; cursor >= 0; {
		var n int
		n, cursor = from.Scan(cursor, o.scanKeys[:], o.scanHashes[:], o.scanStates[:])
		lookUp(&o.tables.gauges, into, o.scanKeys[:n], o.scanHashes[:n], o.merged[:n])
		for i := range n {
			o.fold.Merge(o.merged[i], o.scanStates[i])
		}
	}
}

// Close implements operator.Operator.
func (o *Window[K, T, A, U]) Close() error { return o.tables.closeTables() }

// publish sets the gauges now and then.
func (o *Window[K, T, A, U]) publish() {
	if !o.tables.due(o.ctx.Now()) {
		return
	}
	keys, bytes := 0, int64(0)
	for i := range o.panes {
		keys += o.panes[i].table.Len()
		bytes += o.panes[i].table.Bytes()
	}
	for _, t := range o.spare {
		bytes += t.Bytes()
	}
	bytes += o.blocks.bytes()
	o.tables.publish(keys, bytes)
}
