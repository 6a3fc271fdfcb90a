package simtest

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// probe passes everything on and sees to it that watermarks only advance, that
// no record comes behind the watermark that has announced it, and that calls
// come in the order of the contract.
type probe struct {
	w        *world
	timed    bool
	ctx      operator.Context
	last     event.Time
	finished bool
	order    map[uint32]event.Time // of the last record of each key, if that is defined
	key      func(b event.Batch, i int) uint32
}

func (p *probe) Open(ctx operator.Context) error { p.ctx = ctx; return nil }

func (p *probe) Process(b event.Batch) error {
	if p.finished || b.Len() == 0 {
		p.w.broken("%s: a batch of %d records, finished: %v", p.ctx.Name(), b.Len(), p.finished)
	}
	if p.timed {
		for _, t := range b.EventTimes() {
			if t <= p.last {
				p.w.broken("%s: a record of time %d comes behind the watermark %d", p.ctx.Name(), t, p.last)
			}
		}
	}
	if p.order != nil {
		for i, t := range b.EventTimes() {
			if k := p.key(b, i); t < p.order[k] {
				p.w.broken("%s: key %d goes back from %d to %d", p.ctx.Name(), k, p.order[k], t)
			} else {
				p.order[k] = t
			}
		}
	}
	p.ctx.Output(0).Emit(b)
	if b.Len() != 0 {
		p.w.broken("%s: the batch still has %d records after Emit", p.ctx.Name(), b.Len())
	}
	return nil
}

func (p *probe) Watermark(t event.Time) error {
	if t <= p.last {
		p.w.broken("%s: watermark %d follows %d", p.ctx.Name(), t, p.last)
	}
	p.last = t
	p.ctx.Watermark(t)
	return nil
}

func (p *probe) Finish() error {
	if p.finished || p.last != event.MaxTime {
		p.w.broken("%s: Finish with the watermark at %d", p.ctx.Name(), p.last)
	}
	p.finished = true
	return nil
}

func (p *probe) Close() error { return nil }
