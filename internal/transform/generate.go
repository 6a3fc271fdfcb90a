package transform

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// GenerateTimes is AssignTimes with watermarks that a generator makes.
type GenerateTimes struct {
	base
	assign    func(event.Batch)
	generator operator.WatermarkGenerator
	ticker    ticker
}

// NewGenerateTimes returns the operator; the generator is asked every period,
// if that is positive, and for each batch.
func NewGenerateTimes(assign func(event.Batch), g operator.WatermarkGenerator, period time.Duration) operator.Operator {
	return &GenerateTimes{assign: assign, generator: g, ticker: ticker{every: period}}
}

// Process implements operator.Operator.
func (o *GenerateTimes) Process(b event.Batch) error {
	if o.assign != nil {
		o.assign(b)
	}
	w := o.generator.Batch(b)
	o.out.Emit(b)
	o.pass(w)
	o.ticker.start(o.ctx)
	return nil
}

func (o *GenerateTimes) pass(w event.Time) {
	if w > event.MinTime {
		o.ctx.Watermark(w)
	}
}

// Woken implements operator.Waking: it asks the generator.
func (o *GenerateTimes) Woken() error {
	if o.ticker.due(o.ctx) {
		o.pass(o.generator.Period(o.ctx.Now()))
		o.ticker.start(o.ctx)
	}
	return nil
}

// Watermark implements operator.Operator: only the end of the stream passes.
func (o *GenerateTimes) Watermark(t event.Time) error {
	if t == event.MaxTime {
		o.ctx.Watermark(t)
	}
	return nil
}
