package afflux

import (
	"fmt"
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// FollowedBy finds sequences of two records of a key: one that first accepts,
// and within a time after it one that second accepts. Each first is matched
// with the earliest second that is later in event time, by at most within; one
// second may follow several firsts, and a record may be both. match makes the
// result of the two; it has the event time of the second.
//
// Order is that of event times, so results do not depend on the disorder of
// the input. Records that come after the watermark has passed them are late:
// they are counted and dropped.
func (k *Keyed[K, T]) FollowedBy[U any](name string, first, second func(*T) bool, within time.Duration, match func(a, b *T) U, options ...Option) *Stream[U] {
	k.checkSequence(name, within)
	s := process[K, T, U](k, name, "followed_by", func() Processor[K, T, U] {
		return &followed[K, T, U]{first: first, second: second, within: within, match: match}
	}, options)
	s.node.NeedsWatermarks = true
	s.node.Order.Needs = "takes, of the second records of a key with one event time, the first to come"
	return s
}

// NotFollowedBy finds what did not happen: it passes on each record that first
// accepts and that no record that second accepts has followed, as FollowedBy
// defines it. The result has the event time at which the time was up; when the
// input ends it is up for all.
func (k *Keyed[K, T]) NotFollowedBy[F ~func(*T) bool](name string, first, second F, within time.Duration, options ...Option) *Stream[T] {
	k.checkSequence(name, within)
	s := process[K, T, T](k, name, "not_followed_by", func() Processor[K, T, T] {
		return &followed[K, T, T]{first: first, second: second, within: within, missed: func(a *T) T { return *a }}
	}, options)
	s.node.NeedsWatermarks = true
	s.node.Order.Needs = "" // it goes by event times alone
	return s
}

func (k *Keyed[K, T]) checkSequence(name string, within time.Duration) {
	if within <= 0 {
		k.stream.job.fail(fmt.Errorf("operator %q: a sequence within %v: the time must be positive", name, within))
	}
}

// step is a record that waits: for the watermark to reach its time, and if it
// is a first then for its second.
type step[T any] struct {
	At     event.Time
	First  bool
	Second bool
	Open   bool // the watermark has reached it, and it waits for its second
	Value  T
}

// followed keeps the steps of a key that are not done with, in the order in
// which they came. There is a timer for each time at which something happens:
// that of each step, and the end of the time of each first.
type followed[K comparable, T, U any] struct {
	first, second func(*T) bool
	within        time.Duration
	match         func(a, b *T) U // nil: matches are not wanted
	missed        func(a *T) U    // nil: firsts without a second are not wanted

	steps *state.List[step[T]]
	left  []step[T]
}

// Open implements Processor.
func (p *followed[K, T, U]) Open(ctx *OpenContext) error {
	p.steps = ctx.List[step[T]]("steps")
	return nil
}

// Process implements Processor.
func (p *followed[K, T, U]) Process(ctx *ProcessContext[K, U], v *T) error {
	s := step[T]{At: ctx.EventTime(), First: p.first(v), Second: p.second(v), Value: *v}
	switch {
	case !s.First && !s.Second:
	case s.At <= ctx.Watermark():
		ctx.Count("late", 1)
	default:
		p.steps.Append(s)
		ctx.SetTimer(EventTimer, s.At)
	}
	return nil
}

// OnTimer implements TimerProcessor: all that happens at one time.
func (p *followed[K, T, U]) OnTimer(ctx *ProcessContext[K, U], at event.Time, _ TimerKind) error {
	steps := p.steps.Get()
	second := slices.IndexFunc(steps, func(s step[T]) bool { return s.Second && s.At == at })
	left := p.left[:0]
	for i, s := range steps {
		switch {
		case s.Open && second >= 0: // a first before now, and in time
			if p.match != nil {
				ctx.Emit(p.match(&steps[i].Value, &steps[second].Value))
			}
			continue
		case s.Open && s.At.Add(p.within) <= at:
			if p.missed != nil {
				ctx.Emit(p.missed(&steps[i].Value))
			}
			continue
		case s.At == at && !s.First:
			continue // it has followed whom it could
		case s.At == at:
			s.Open, s.Second = true, false
			ctx.SetTimer(EventTimer, at.Add(p.within))
		}
		left = append(left, s)
	}
	p.steps.Set(left)
	clear(left)
	p.left = left[:0]
	return nil
}
