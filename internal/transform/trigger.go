package transform

import (
	"math"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// fire emits a result of a cell that no other window shares, or of a copy.
func (o *Triggered[K, T, A, U]) fire(key K, w window.Window, t window.Timing, c *Cell[A]) error {
	at := w.End - 1
	if o.assigner.Unbounded() {
		at = o.top
	}
	err := o.results.fire(key, w, t, &c.acc, at)
	c.records = 0
	if o.firing.Discard {
		var zero A
		c.acc = zero
	}
	return err
}

// Watermark implements operator.Operator: it fires what is complete and drops
// what is not kept any longer.
func (o *Triggered[K, T, A, U]) Watermark(t event.Time) error {
	if len(o.ahead) > 0 {
		if err := o.catchUp(o.assigner.Complete(t)); err != nil {
			return err
		}
	}
	if err := o.fireComplete(t); err != nil {
		return err
	}
	kept := t
	if t != event.MaxTime {
		kept = t.Add(-o.firing.Lateness)
	}
	o.complete = max(o.complete, o.assigner.Complete(t))
	o.dropped = max(o.dropped, o.assigner.Complete(kept))
	o.live = max(o.live, o.assigner.Live(kept))
	limit := o.live
	if !o.shared && o.dropped != math.MaxInt64 {
		limit = o.dropped + 1
	}
	dead := 0
	for dead < len(o.parts) && o.parts[dead].number < limit {
		o.recycle(o.parts[dead].table)
		dead++
	}
	o.parts = slices.Delete(o.parts, 0, dead)
	o.results.flush()
	o.ctx.Watermark(t)
	return nil
}

// fireComplete emits the results of the windows that a watermark completes.
func (o *Triggered[K, T, A, U]) fireComplete(t event.Time) error {
	if !o.shared {
		last := o.assigner.Complete(t)
		for i := range o.parts {
			if n := o.parts[i].number; n > o.complete && n <= last {
				if err := o.fireAll(o.assigner.Window(n), window.OnTime, o.parts[i:i+1]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for w, parts := range o.windows(o.complete, t) {
		if err := o.fireAll(o.assigner.Window(w), window.OnTime, parts); err != nil {
			return err
		}
	}
	return nil
}

// windows goes over the windows after one that a watermark completes, with
// their parts, which are panes.
func (o *Triggered[K, T, A, U]) windows(after int64, t event.Time) func(func(int64, []part[K, A]) bool) {
	return func(yield func(int64, []part[K, A]) bool) {
		o.numbers = o.numbers[:0]
		for i := range o.parts {
			o.numbers = append(o.numbers, o.parts[i].number)
		}
		at := 0
		for w, numbers := range o.assigner.Due(o.numbers, after, t) {
			for o.parts[at].number != numbers[0] {
				at++
			}
			if !yield(w, o.parts[at:at+len(numbers)]) {
				return
			}
		}
	}
}

// fireAll emits the results of a window for all keys; early and discarding
// ones only for those that have new records.
func (o *Triggered[K, T, A, U]) fireAll(w window.Window, t window.Timing, parts []part[K, A]) error {
	table := parts[0].table
	if len(parts) > 1 {
		table = o.table()
		defer o.recycle(table)
		for i := range parts {
			o.merge(table, parts[i].table)
		}
	}
	shared := len(parts) == 1 && o.assigner.Overlaps() && o.shared
	fresh := t == window.Early || o.firing.Discard
	var err error
	o.results.begin(&o.tables.gauges)
	table.Range(0, func(_ uint64, key K, c *Cell[A]) bool {
		if fresh && c.records == 0 {
			return true
		}
		if shared { // other windows still count its records
			own := *c
			c = &own
		}
		err = o.fire(key, w, t, c)
		return err == nil
	})
	o.results.end()
	return err
}

// merge adds the cells of one table to another.
func (o *Triggered[K, T, A, U]) merge(into, from state.Table[K, Cell[A]]) {
	for cursor := 0; cursor >= 0; {
		var n int
		n, cursor = from.Scan(cursor, o.scanKeys[:], o.scanHashes[:], o.scanStates[:])
		lookUp(&o.tables.gauges, into, o.scanKeys[:n], o.scanHashes[:n], o.merged[:n])
		for i := range n {
			o.cells.Merge(o.merged[i], o.scanStates[i])
		}
	}
}

// fireLate emits one late result for each key and window that the batch has
// changed after it was complete.
func (o *Triggered[K, T, A, U]) fireLate() error {
	if len(o.refire) == 0 {
		return nil
	}
	o.results.begin(&o.tables.gauges)
	for _, r := range o.refire {
		if err := o.fireOne(r); err != nil {
			return err
		}
	}
	o.results.end()
	clear(o.refire)
	o.refire = o.refire[:0]
	clear(o.known)
	return nil
}

func (o *Triggered[K, T, A, U]) fireOne(r refiring[K]) error {
	w := o.assigner.Window(r.window)
	from, to := r.window, r.window+1
	if o.shared {
		from, to = o.assigner.PanesOf(r.window)
	}
	i, _ := o.search(from)
	if !o.assigner.Overlaps() || !o.shared {
		if c := o.parts[i].table.Get(&r.key, r.hash); c != nil {
			return o.fire(r.key, w, window.Late, c)
		}
		return nil
	}
	var all Cell[A]
	for ; i < len(o.parts) && o.parts[i].number < to; i++ {
		if c := o.parts[i].table.Get(&r.key, r.hash); c != nil {
			o.cells.Merge(&all, c)
		}
	}
	return o.fire(r.key, w, window.Late, &all)
}

// Woken implements operator.Waking: it fires early.
func (o *Triggered[K, T, A, U]) Woken() error {
	if !o.ticker.due(o.ctx) {
		return nil
	}
	for w, parts := range o.incomplete() {
		if !slices.ContainsFunc(parts, func(p part[K, A]) bool { return p.changed }) {
			continue
		}
		if err := o.fireAll(o.assigner.Window(w), window.Early, parts); err != nil {
			return err
		}
	}
	for i := range o.parts {
		p := &o.parts[i]
		if p.changed && o.shared && o.assigner.Overlaps() {
			walk := o.tables.walk()
			p.table.Range(0, func(_ uint64, _ K, c *Cell[A]) bool { c.records = 0; return true })
			walk.done()
		}
		p.changed = false
	}
	o.results.flush()
	return nil
}

// incomplete goes over the windows that the watermark has not completed.
func (o *Triggered[K, T, A, U]) incomplete() func(func(int64, []part[K, A]) bool) {
	if o.shared {
		return o.windows(o.complete, event.MaxTime)
	}
	return func(yield func(int64, []part[K, A]) bool) {
		for i := range o.parts {
			if n := o.parts[i].number; n > o.complete && !yield(n, o.parts[i:i+1]) {
				return
			}
		}
	}
}
