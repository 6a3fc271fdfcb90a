package transform

import (
	"cmp"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// triggeredProgress is what a Triggered keeps beside its parts.
type triggeredProgress struct {
	defined
	Complete int64      `json:"complete"` // the last window
	Dropped  int64      `json:"dropped"`  // the last window
	Live     int64      `json:"live"`     // the first pane that is not late
	Top      event.Time `json:"top"`      // the largest event time
	Changed  []int64    `json:"changed"`  // parts with records since the last early results
	Ticking  bool       `json:"ticking"`  // early results are due
}

func (p *part[K, A]) named() (int64, state.Table[K, Cell[A]]) { return p.number, p.table }

// Snapshot implements operator.Stateful.
func (o *Triggered[K, T, A, U]) Snapshot(s state.Snapshot) error {
	p := triggeredProgress{
		defined:  defined{o.definition()},
		Complete: o.complete, Dropped: o.dropped, Live: o.live, Top: o.top, Ticking: !o.ticker.next.IsZero(),
	}
	if o.firing.Early > 0 {
		for i := range o.parts {
			if o.parts[i].changed {
				p.Changed = append(p.Changed, o.parts[i].number)
			}
		}
	}
	if err := keepProgress(s, &p); err != nil {
		return err
	}
	return o.tables.all.Snapshot(s, func(yield func(string, state.Table[K, Cell[A]]) bool) {
		for name, t := range named(o.parts, o.complete, (*part[K, A]).named) {
			if !yield(name, t) {
				return
			}
		}
		namedAhead(o.ahead, (*part[K, A]).named)(yield)
	})
}

// definition describes the windows and what else the parts depend on.
func (o *Triggered[K, T, A, U]) definition() string {
	if o.shared {
		return o.assigner.String()
	}
	return o.assigner.String() + ", each by itself"
}

// Restore implements operator.Stateful.
func (o *Triggered[K, T, A, U]) Restore(r state.Restoration) error {
	_, all, err := kept[triggeredProgress](r.Blobs)
	if err != nil {
		return err
	}
	changed, ticking := map[int64]bool{}, false
	for i, p := range all {
		if err := p.check(o.definition()); err != nil {
			return err
		}
		if i == 0 {
			o.complete, o.dropped, o.live = p.Complete, p.Dropped, p.Live
		}
		o.complete, o.dropped, o.live = min(o.complete, p.Complete), min(o.dropped, p.Dropped), min(o.live, p.Live)
		o.top, ticking = max(o.top, p.Top), ticking || p.Ticking
		for _, number := range p.Changed {
			changed[number] = true
		}
	}
	err = o.tables.all.Restore(r, func(name string, t state.Table[K, Cell[A]]) error {
		number, complete, ok := parsePart(name)
		if !ok || complete < o.complete {
			return unclaimed(r, name)
		}
		p := part[K, A]{number: number, table: t, changed: changed[number]}
		if complete > o.complete {
			o.ahead.add(complete, p)
		} else {
			o.parts = append(o.parts, p)
		}
		return nil
	})
	slices.SortFunc(o.parts, func(a, b part[K, A]) int { return cmp.Compare(a.number, b.number) })
	if ticking {
		o.ticker.start(o.ctx)
	}
	return err
}

// catchUp completes the windows that are complete for other keys already, as
// far as they are now, and takes those keys in.
func (o *Triggered[K, T, A, U]) catchUp(complete int64) error {
	for c := range o.ahead.reached(complete) {
		if err := o.fireComplete(completing(o.assigner, c.fired)); err != nil {
			return err
		}
		o.complete = c.fired
		for _, p := range c.parts {
			i, found := o.search(p.number)
			if !found {
				o.parts = slices.Insert(o.parts, i, p)
				continue
			}
			// What has come meanwhile is folded behind what was there.
			newer := &o.parts[i]
			o.merge(p.table, newer.table)
			newer.table.Clear()
			newer.table, newer.changed = p.table, newer.changed || p.changed
		}
	}
	return nil
}
