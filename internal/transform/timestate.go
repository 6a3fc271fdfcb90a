package transform

import (
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Snapshot implements operator.Stateful.
func (o *AssignTimes) Snapshot(s state.Snapshot) error { return keepProgress(s, &reached{o.max}) }

// Restore implements operator.Stateful. The watermark is passed on with the
// next batch.
func (o *AssignTimes) Restore(r state.Restoration) (err error) {
	o.max, err = reachedBefore(o.ctx, r)
	return err
}

// generating is what a GenerateTimes keeps itself.
type generating struct {
	Ticking bool `json:"ticking"` // the generator is asked from time to time
}

// Snapshot implements operator.Stateful. A generator that remembers something
// may implement it too.
func (o *GenerateTimes) Snapshot(s state.Snapshot) error {
	if err := keepProgress(s, &generating{!o.ticker.next.IsZero()}); err != nil {
		return err
	}
	if g, ok := o.generator.(operator.Stateful); ok {
		return g.Snapshot(s)
	}
	return nil
}

// Restore implements operator.Stateful.
func (o *GenerateTimes) Restore(r state.Restoration) error {
	_, all, err := kept[generating](r.Everyone)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Ticking {
			o.ticker.start(o.ctx)
		}
	}
	if g, ok := o.generator.(operator.Stateful); ok {
		return g.Restore(r)
	}
	return nil
}
