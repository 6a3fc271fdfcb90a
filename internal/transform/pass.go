package transform

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Pass hands records on as they are: a place for a union to meet, or for a
// partition to begin.
type Pass struct{ base }

// NewPass returns the operator.
func NewPass() operator.Operator { return &Pass{} }

// Process implements operator.Operator.
func (o *Pass) Process(b event.Batch) error { o.out.Emit(b); return nil }

// AssignTimes gives records event times in the middle of a stream and makes
// watermarks from them; the watermarks of its input end here.
type AssignTimes struct {
	base
	assign func(event.Batch)
	bound  time.Duration
	max    event.Time
}

// NewAssignTimes returns the operator; bound is the out-of-orderness.
func NewAssignTimes(assign func(event.Batch), bound time.Duration) operator.Operator {
	return &AssignTimes{assign: assign, bound: bound, max: event.MinTime}
}

// Process implements operator.Operator.
func (o *AssignTimes) Process(b event.Batch) error {
	if o.assign != nil {
		o.assign(b)
	}
	top := o.max
	for _, t := range b.EventTimes() {
		top = max(top, t)
	}
	o.max = top
	o.out.Emit(b)
	if w := top.Add(-o.bound); w > event.MinTime {
		o.ctx.Watermark(w - 1)
	}
	return nil
}

// Watermark implements operator.Operator: only the end of the stream passes.
func (o *AssignTimes) Watermark(t event.Time) error {
	if t == event.MaxTime {
		o.ctx.Watermark(t)
	}
	return nil
}
