package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// Disorder is how far the event times of a stream may be out of order, and
// what else makes its watermarks.
type Disorder struct {
	bound time.Duration
	idle  time.Duration

	// Of Generated: the bound does not count.
	generate func() operator.WatermarkGenerator
	period   time.Duration
	typ      event.Type
	err      error
}

// OutOfOrder says that a record may come up to bound of event time after a
// later one of its split. The watermark stays that far behind; a record that
// comes later still is late.
func OutOfOrder(bound time.Duration) Disorder { return Disorder{bound: bound} }

// InOrder says that the event times of each split never go back.
func InOrder() Disorder { return Disorder{} }

// IdleAfter lets a split that has had nothing for d no longer hold the
// watermark back; when all splits of a source are idle, neither does the source
// where it meets others. Only time counts in which the source waited with
// nothing at hand of any split: one that is silent because the job presses,
// because it is held back by Align, or because the source works on records of
// other splits, is never idle.
func (d Disorder) IdleAfter(idle time.Duration) Disorder {
	d.idle = idle
	return d
}

// EventTime takes the event time of a record from f, which returns a time.Time
// or an event.Time (nanoseconds, faster). Directly after From, each split of
// the source (partition, file) has its own watermark, and the stream that of
// the slowest.
func (s *Stream[T]) EventTime[M time.Time | event.Time](f func(*T) M, d Disorder) *Stream[T] {
	var assign func(event.Batch)
	switch f := any(f).(type) {
	case func(*T) time.Time:
		assign = func(b event.Batch) {
			r := b.(*event.Records[T])
			times := r.Times[:len(r.Values)]
			for i := range r.Values {
				times[i] = event.At(f(&r.Values[i]))
			}
		}
	case func(*T) event.Time:
		assign = func(b event.Batch) {
			r := b.(*event.Records[T])
			times := r.Times[:len(r.Values)]
			for i := range r.Values {
				times[i] = f(&r.Values[i])
			}
		}
	}
	return s.times(assign, d)
}

// Watermarks uses the times that the connector gives, like the timestamps of
// Kafka records, as event times.
func (s *Stream[T]) Watermarks(d Disorder) *Stream[T] { return s.times(nil, d) }

func (s *Stream[T]) times(assign func(event.Batch), d Disorder) *Stream[T] {
	if d.bound < 0 || d.idle < 0 {
		s.job.fail(fmt.Errorf("operator %q: an out-of-orderness of %v and idleness of %v: both must not be negative", s.node.Name, d.bound, d.idle))
	}
	switch {
	case d.err != nil:
		s.job.fail(fmt.Errorf("operator %q: %w", s.node.Name, d.err))
	case d.generate != nil && d.typ != event.TypeOf[T]():
		s.job.fail(fmt.Errorf("operator %q: the generator of watermarks is for another type of records", s.node.Name))
	}
	et := &graph.EventTime{Assign: assign, Bound: d.bound, Idle: d.idle, Generate: d.generate, Period: d.period}
	if s.node.Source != nil && s.node.EventTime == nil && s.partition == event.Forward {
		s.node.EventTime = et
		return s
	}
	out := then[T, T](s, s.node.Name+"-times", "event_time", func() operator.Operator {
		if d.generate != nil {
			return transform.NewGenerateTimes(assign, d.generate(), d.period)
		}
		return transform.NewAssignTimes(assign, d.bound)
	}, nil)
	out.node.EventTime = et
	return out
}
