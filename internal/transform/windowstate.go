package transform

import (
	"cmp"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// windowProgress is what a Window keeps beside its panes.
type windowProgress struct {
	defined
	Fired int64 `json:"fired"` // the last window
	Live  int64 `json:"live"`  // the first pane that is not late
}

func (p *pane[K, A]) named() (int64, state.Table[K, A]) { return p.number, p.table }

// Snapshot implements operator.Stateful.
func (o *Window[K, T, A, U]) Snapshot(s state.Snapshot) error {
	p := windowProgress{defined{o.assigner.String()}, o.fired, o.live}
	if err := keepProgress(s, &p); err != nil {
		return err
	}
	return o.tables.all.Snapshot(s, func(yield func(string, state.Table[K, A]) bool) {
		for name, t := range named(o.panes, o.fired, (*pane[K, A]).named) {
			if !yield(name, t) {
				return
			}
		}
		namedAhead(o.ahead, (*pane[K, A]).named)(yield)
	})
}

// Restore implements operator.Stateful.
func (o *Window[K, T, A, U]) Restore(r state.Restoration) error {
	_, all, err := kept[windowProgress](r.Blobs)
	if err != nil {
		return err
	}
	for i, p := range all {
		if err := p.check(o.assigner.String()); err != nil {
			return err
		}
		if i == 0 {
			o.fired, o.live = p.Fired, p.Live
		}
		o.fired, o.live = min(o.fired, p.Fired), min(o.live, p.Live)
	}
	err = o.tables.all.Restore(r, func(name string, t state.Table[K, A]) error {
		number, fired, ok := parsePart(name)
		if !ok || fired < o.fired {
			return unclaimed(r, name)
		}
		p := pane[K, A]{number: number, from: o.assigner.PaneStart(number), to: o.assigner.PaneStart(number + 1), table: t}
		if fired > o.fired {
			o.ahead.add(fired, p)
		} else {
			o.panes = append(o.panes, p)
		}
		return nil
	})
	slices.SortFunc(o.panes, func(a, b pane[K, A]) int { return cmp.Compare(a.number, b.number) })
	return err
}

// catchUp fires the windows that have fired for other keys already, as far as
// they are complete, and takes those keys in.
func (o *Window[K, T, A, U]) catchUp(complete int64) {
	for c := range o.ahead.reached(complete) {
		o.fireDue(completing(o.assigner, c.fired))
		o.fired = c.fired
		o.blocks.forget(0, len(o.blocks.all))
		for _, p := range c.parts {
			i, found := slices.BinarySearchFunc(o.panes, p.number, func(q pane[K, A], n int64) int { return cmp.Compare(q.number, n) })
			if !found {
				o.panes = slices.Insert(o.panes, i, p)
				continue
			}
			// What has come meanwhile is folded behind what was there.
			newer := o.panes[i].table
			o.merge(p.table, newer)
			newer.Clear()
			o.panes[i].table = p.table
		}
	}
}
