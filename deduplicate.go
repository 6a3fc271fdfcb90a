package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// Deduplicate passes on the first record of each key to come, and drops the
// others for as long as within: of processing time, counted from the record
// passed on. With a time of 0 the key is remembered for ever.
func (k *Keyed[K, T]) Deduplicate[N ~string](name N, within time.Duration, options ...Option) *Stream[T] {
	if within < 0 {
		k.stream.job.fail(fmt.Errorf("operator %q: duplicates within %v: the time must not be negative", name, within))
	}
	s := process[K, T, T](k, string(name), "deduplicate", func() Processor[K, T, T] { return &deduplicate[K, T]{within: within} }, options)
	s.node.Order.Needs = "passes on the first record of a key to come"
	return s
}

type deduplicate[K comparable, T any] struct {
	within time.Duration
	seen   *state.Value[bool]
}

// Open implements Processor.
func (p *deduplicate[K, T]) Open(ctx *OpenContext) error {
	if p.within > 0 {
		p.seen = ctx.Value[bool]("seen", state.TTL(p.within))
	} else {
		p.seen = ctx.Value[bool]("seen")
	}
	return nil
}

// Process implements Processor.
func (p *deduplicate[K, T]) Process(ctx *ProcessContext[K, T], v *T) error {
	if _, ok := p.seen.Get(); !ok {
		p.seen.Set(true)
		ctx.Emit(*v)
	}
	return nil
}

// First passes on the record of each key with the lowest event time, once the
// watermark shows that there is none before it. Of several with that time it
// is the one that came first. Later records are dropped; those that the
// watermark has passed when they come are late, and counted.
func (k *Keyed[K, T]) First[N ~string](name N, options ...Option) *Stream[T] {
	s := process[K, T, T](k, string(name), "first", func() Processor[K, T, T] { return &first[K, T]{} }, options)
	s.node.NeedsWatermarks = true
	s.node.Order.Needs = "takes, of the records of a key with the lowest event time, the first to come"
	return s
}

type first[K comparable, T any] struct{ best *state.Value[candidate[T]] }

// candidate is the first record so far. Once it was passed on the value is
// empty.
type candidate[T any] struct {
	At     event.Time
	Passed bool
	Value  T
}

// Open implements Processor.
func (p *first[K, T]) Open(ctx *OpenContext) error {
	p.best = ctx.Value[candidate[T]]("first")
	return nil
}

// Process implements Processor.
func (p *first[K, T]) Process(ctx *ProcessContext[K, T], v *T) error {
	at := ctx.EventTime()
	if at <= ctx.Watermark() {
		ctx.Count("late", 1)
		return nil
	}
	c, ok := p.best.Get()
	if ok && c.At <= at {
		return nil
	}
	if ok {
		ctx.DeleteTimer(EventTimer, c.At)
	}
	p.best.Set(candidate[T]{At: at, Value: *v})
	ctx.SetTimer(EventTimer, at)
	return nil
}

// OnTimer implements TimerProcessor.
func (p *first[K, T]) OnTimer(ctx *ProcessContext[K, T], at event.Time, _ TimerKind) error {
	c := p.best.Upsert()
	ctx.Emit(c.Value)
	*c = candidate[T]{At: at, Passed: true}
	return nil
}

// Last passes on each record that is the last one of its key so far: those
// whose event time is before that of one passed on are dropped. So what comes
// out for a key is in order, and ends with its last record.
func (k *Keyed[K, T]) Last[N ~string](name N, options ...Option) *Stream[T] {
	s := process[K, T, T](k, string(name), "last", func() Processor[K, T, T] { return &last[K, T]{} }, options)
	s.node.Order.Needs = "drops records that come after later ones of their key"
	return s
}

type last[K comparable, T any] struct{ at *state.Value[event.Time] }

// Open implements Processor.
func (p *last[K, T]) Open(ctx *OpenContext) error {
	p.at = ctx.Value[event.Time]("last")
	return nil
}

// Process implements Processor.
func (p *last[K, T]) Process(ctx *ProcessContext[K, T], v *T) error {
	if at, ok := p.at.Get(); ok && ctx.EventTime() < at {
		return nil
	}
	p.at.Set(ctx.EventTime())
	ctx.Emit(*v)
	return nil
}
