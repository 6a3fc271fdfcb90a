package transform

import (
	"cmp"
	"math"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// Cell is what one key has in a part of time.
type Cell[A any] struct {
	acc     A
	records int32 // since its last result; for parts that windows share, since the last early one
}

// part is a stretch of event time with a table of its own: a pane that windows
// share, or a whole window where they cannot.
type part[K comparable, A any] struct {
	number  int64 // of the pane or window
	table   state.Table[K, Cell[A]]
	changed bool // since the last early results
}

// Triggered folds records by key and windows that are the same for all keys,
// and emits results when the watermark completes a window and, as the firing
// says, before and after.
//
// Windows share panes, as in Window, unless results are counted or discarded
// for each window by itself.
type Triggered[K comparable, T, A, U any] struct {
	base
	keyed[K, T, Cell[A]]
	assigner window.Assigner
	firing   window.Firing
	fold     Fold[T, A]
	cells    Fold[T, Cell[A]]
	results  results[K, A, U]
	late     lateRecords[T]
	shared   bool // parts are panes

	parts    []part[K, A] // ascending
	ahead    ahead[part[K, A]]
	spare    []state.Table[K, Cell[A]]
	complete int64      // the last window that is complete
	dropped  int64      // the last window that is not kept any more
	live     int64      // the first pane that is not late
	top      event.Time // the largest event time so far

	gathered *event.Records[T]
	left     []int32
	numbers  []int64
	ticker   ticker
	refire   []refiring[K] // without repetition: known has the same
	known    map[refiring[K]]struct{}

	scanKeys   [chunk]K
	scanHashes [chunk]uint64
	scanStates [chunk]*Cell[A]
	merged     [chunk]*Cell[A]
}

// refiring is a window that late records of the batch have changed for a key.
type refiring[K comparable] struct {
	window int64
	hash   uint64
	key    K
}

// NewTriggered returns the operator; the assigner and the firing are valid.
func NewTriggered[K comparable, T, A, U any](a window.Assigner, f window.Firing, key func(*T) K, fold Fold[T, A], result Result[K, A, U], table Tables[K, Cell[A]]) operator.Operator {
	o := &Triggered[K, T, A, U]{assigner: a, firing: f, fold: fold, complete: math.MinInt64, dropped: math.MinInt64, live: math.MinInt64}
	o.key, o.results.result, o.ticker.every, o.tables.open = key, result, f.Early, table
	o.shared = !a.Overlaps() || f.EarlyCount == 0 && !f.Discard
	o.cells = Fold[T, Cell[A]]{
		Add: func(c *Cell[A], v *T) { fold.Add(&c.acc, v); c.records = addRecords(c.records, 1) },
		Merge: func(into, from *Cell[A]) {
			fold.Merge(&into.acc, &from.acc)
			into.records = addRecords(into.records, from.records)
		},
	}
	return o
}

// Open implements operator.Operator.
func (o *Triggered[K, T, A, U]) Open(ctx operator.Context) error {
	if err := o.tables.openTables(ctx); err != nil {
		return err
	}
	o.results.open(ctx)
	o.late.open(ctx)
	o.gathered = event.NewRecords[T](chunk)
	o.left = make([]int32, 0, chunk)
	o.known, o.top = map[refiring[K]]struct{}{}, event.MinTime
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Triggered[K, T, A, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.publish()
	for from := 0; from < len(in.Values); from += chunk {
		if err := o.foldMixed(in, from, min(from+chunk, len(in.Values))); err != nil {
			return err
		}
	}
	o.late.flush()
	if err := o.fireLate(); err != nil {
		return err
	}
	o.results.flush()
	return nil
}

// foldMixed folds records [from,to) of several panes, many of a pane at a time.
func (o *Triggered[K, T, A, U]) foldMixed(in *event.Records[T], from, to int) error {
	left := o.left[:0]
	for i := from; i < to; i++ {
		left = append(left, int32(i))
	}
	for len(left) > 0 {
		t := in.Times[left[0]]
		pane := o.assigner.Pane(t)
		start, end := o.assigner.PaneStart(pane), o.assigner.PaneStart(pane+1)
		g := o.gathered
		g.Truncate(0)
		g.Hashes = g.Hashes[:0]
		rest := left[:0]
		for n, i := range left {
			// A part of several panes gets its records in their order.
			if t := in.Times[i]; n > 0 && (t < start || t >= end) || !o.shared && len(rest) > 0 {
				rest = append(rest, i)
				continue
			}
			g.Append(in.Values[i], in.Times[i])
			g.Hashes = append(g.Hashes, in.Hashes[i])
		}
		left = rest
		if pane < o.live {
			for i := range g.Values {
				o.late.add(&g.Values[i], g.Times[i])
			}
			continue
		}
		if err := o.foldPane(pane, g); err != nil {
			return err
		}
	}
	return nil
}

// foldPane folds records of one pane, at most a chunk, into the parts that it
// belongs to.
func (o *Triggered[K, T, A, U]) foldPane(pane int64, g *event.Records[T]) error {
	for _, t := range g.Times {
		o.top = max(o.top, t)
	}
	o.ticker.start(o.ctx)
	first, last := o.assigner.WindowsOf(pane)
	first = max(first, o.dropped+1)
	if o.shared {
		if err := o.foldPart(pane, g, o.complete < first); err != nil {
			return err
		}
	} else {
		for w := first; w <= last; w++ {
			if err := o.foldPart(w, g, w > o.complete); err != nil {
				return err
			}
		}
	}
	for w := first; w <= min(last, o.complete); w++ {
		for i := range g.Values {
			r := refiring[K]{w, g.Hashes[i], o.key(&g.Values[i])}
			if _, ok := o.known[r]; !ok {
				o.known[r] = struct{}{}
				o.refire = append(o.refire, r)
			}
		}
	}
	return nil
}

// foldPart folds records into one part; open tells that all of its windows are
// incomplete.
func (o *Triggered[K, T, A, U]) foldPart(number int64, g *event.Records[T], open bool) error {
	p := o.partAt(number)
	p.changed = true
	n := len(g.Values)
	o.find(p.table, g, 0, n)
	for at := 0; at < n; {
		var done int
		var err error
		if o.firing.EarlyCount > 0 && open {
			done, err = o.foldCounted(g, at, n, o.assigner.Window(number))
		} else {
			done, err = o.add(g, at, n, 0, o.cells.Add, nil)
		}
		at = done
		if err != nil {
			if err := o.ctx.Reject(g.Values[done], g.Times[done], err); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// foldCounted emits an early result after each so many records of a key.
func (o *Triggered[K, T, A, U]) foldCounted(g *event.Records[T], from, to int, w window.Window) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	for i := from; i < to; i++ {
		o.pos = i
		c := o.accs[i]
		o.cells.Add(c, &g.Values[i])
		if int(c.records) < o.firing.EarlyCount {
			continue
		}
		if err := o.fire(o.keys[i], w, window.Early, c); err != nil {
			return i, err
		}
	}
	return to, nil
}

func (o *Triggered[K, T, A, U]) partAt(number int64) *part[K, A] {
	i, found := o.search(number)
	if !found {
		o.parts = slices.Insert(o.parts, i, part[K, A]{number: number, table: o.table()})
	}
	return &o.parts[i]
}

func (o *Triggered[K, T, A, U]) search(number int64) (int, bool) {
	if n := len(o.parts); n > 0 && o.parts[n-1].number == number { // most often
		return n - 1, true
	}
	return slices.BinarySearchFunc(o.parts, number, func(p part[K, A], n int64) int { return cmp.Compare(p.number, n) })
}

func (o *Triggered[K, T, A, U]) table() state.Table[K, Cell[A]] {
	if n := len(o.spare); n > 0 {
		t := o.spare[n-1]
		o.spare = o.spare[:n-1]
		return t
	}
	return o.tables.all.New()
}

// recycle keeps a table to be used again.
func (o *Triggered[K, T, A, U]) recycle(t state.Table[K, Cell[A]]) {
	t.Clear()
	if len(o.spare) < maxSpare {
		o.spare = append(o.spare, t)
	}
}

// Close implements operator.Operator.
func (o *Triggered[K, T, A, U]) Close() error { return o.tables.closeTables() }

// publish sets the gauges now and then.
func (o *Triggered[K, T, A, U]) publish() {
	if !o.tables.due(o.ctx.Now()) {
		return
	}
	keys, bytes := 0, int64(0)
	for i := range o.parts {
		keys += o.parts[i].table.Len()
		bytes += o.parts[i].table.Bytes()
	}
	for _, t := range o.spare {
		bytes += t.Bytes()
	}
	o.tables.publish(keys, bytes)
}
