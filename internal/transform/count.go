package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// run is consecutive records of a key.
type run[A any] struct {
	first, last event.Time // the smallest and the largest
	records     int32
	acc         A
}

// Counted is the state of a key: the pane that is being filled and, where
// windows overlap, the full ones of the last window in a ring.
type Counted[A any] struct {
	open  run[A]
	panes int64 // that have been filled
	ring  []run[A]
}

// Count folds each key's records into windows of a number of records, and
// emits a result when a window is full. What is left at the end of the input
// comes as an early result.
type Count[K comparable, T, A, U any] struct {
	base
	keyed[K, T, Counted[A]]
	definition                string
	pane, perWindow, perSlide int64 // records; panes
	fold                      Fold[T, A]
	table                     state.Table[K, Counted[A]]
	results                   results[K, A, U]
}

// NewCount returns the operator; the windows are valid.
func NewCount[K comparable, T, A, U any](d window.Counts, key func(*T) K, fold Fold[T, A], result Result[K, A, U], table Tables[K, Counted[A]]) operator.Operator {
	o := &Count[K, T, A, U]{definition: d.String(), fold: fold, pane: int64(d.Pane())}
	o.perWindow, o.perSlide = int64(d.PanesPerWindow()), int64(d.Slide())/o.pane
	o.key, o.results.result, o.tables.open = key, result, table
	return o
}

// Open implements operator.Operator.
func (o *Count[K, T, A, U]) Open(ctx operator.Context) error {
	if err := o.tables.openTables(ctx); err != nil {
		return err
	}
	o.table = o.tables.all.New()
	o.results.open(ctx)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Count[K, T, A, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.tables.publishOne(o.table)
	n := len(in.Values)
	for base := 0; base < n; base += chunk {
		to := min(base+chunk, n)
		o.find(o.table, in, base, to)
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
	o.results.flush()
	return nil
}

func (o *Count[K, T, A, U]) foldRun(in *event.Records[T], from, to, base int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	for i := from; i < to; i++ {
		o.pos = i
		c, t := o.accs[i-base], in.Times[i]
		r := &c.open
		o.fold.Add(&r.acc, &in.Values[i])
		if r.records == 0 {
			r.first, r.last = t, t
		}
		r.first, r.last = min(r.first, t), max(r.last, t)
		if r.records++; int64(r.records) < o.pane {
			continue
		}
		if err := o.full(o.keys[i-base], c); err != nil {
			return i, err
		}
	}
	return to, nil
}

// full ends the open pane, and the window if it is the last one of it.
func (o *Count[K, T, A, U]) full(key K, c *Counted[A]) error {
	c.panes++
	ends := c.panes%o.perSlide == 0
	if o.perWindow == 1 {
		err := o.fire(key, &c.open, window.OnTime)
		c.open = run[A]{}
		return err
	}
	if int64(len(c.ring)) < o.perWindow {
		c.ring = append(c.ring, c.open)
	} else {
		c.ring[(c.panes-1)%o.perWindow] = c.open
	}
	c.open = run[A]{}
	if !ends {
		return nil
	}
	all := o.merge(c, len(c.ring))
	return o.fire(key, &all, window.OnTime)
}

// merge combines the last n full panes and the open one.
func (o *Count[K, T, A, U]) merge(c *Counted[A], n int) (all run[A]) {
	add := func(r *run[A]) {
		if r.records == 0 {
			return
		}
		if all.records == 0 {
			all.first, all.last = r.first, r.last
		}
		all.first, all.last = min(all.first, r.first), max(all.last, r.last)
		all.records = addRecords(all.records, r.records)
		o.fold.Merge(&all.acc, &r.acc)
	}
	for i := c.panes - int64(n); i < c.panes; i++ {
		add(&c.ring[i%o.perWindow])
	}
	add(&c.open)
	return all
}

func (o *Count[K, T, A, U]) fire(key K, r *run[A], t window.Timing) error {
	return o.results.fire(key, window.Window{Start: r.first, End: r.last.Add(1)}, t, &r.acc, r.last)
}

// Finish implements operator.Operator.
func (o *Count[K, T, A, U]) Finish() (err error) {
	o.results.begin(&o.tables.gauges)
	o.table.Range(0, func(_ uint64, key K, c *Counted[A]) bool {
		since := c.panes % o.perSlide // full panes since the last result
		if since == 0 && c.open.records == 0 {
			return true
		}
		if o.perWindow == 1 {
			err = o.fire(key, &c.open, window.Early)
			return err == nil
		}
		// The window that would have been next has all panes that the last
		// one has but the first slide's.
		all := o.merge(c, int(min(o.perWindow-o.perSlide+since, int64(len(c.ring)))))
		err = o.fire(key, &all, window.Early)
		return err == nil
	})
	o.results.end()
	o.results.flush()
	return err
}

// Close implements operator.Operator.
func (o *Count[K, T, A, U]) Close() error { return o.tables.closeTables() }
