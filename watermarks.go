package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// WatermarkGenerator says how far event time has come in one split of a source
// (or one subtask, where event times are assigned further down). Both methods
// return a watermark: no record with an event time at or before it is expected
// any more. event.MinTime says nothing new. Watermarks never go back: a
// smaller one than before counts for nothing. A generator belongs to one
// goroutine. After a recovery it begins anew; one of a subtask further down that
// must not may implement operator.Stateful.
type WatermarkGenerator[T any] interface {
	// Record is called for each record, which it must not keep.
	Record(v *T, t event.Time) event.Time
	// Period is called again and again with the processing time, while the job
	// does not press on the source.
	Period(now time.Time) event.Time
}

// Generated lets generators make the watermarks: f returns one for each split.
// Their Period is called about every period, which is at least a millisecond;
// 0: never.
func Generated[T any](period time.Duration, f func() WatermarkGenerator[T]) Disorder {
	d := Disorder{period: period, typ: event.TypeOf[T]()}
	d.generate = func() operator.WatermarkGenerator { return &generating[T]{f()} }
	if period != 0 && period < time.Millisecond {
		d.err = fmt.Errorf("a generator of watermarks cannot be asked every %v: the period is at least 1ms, or 0 for never", period)
	}
	return d
}

// Punctuated takes watermarks from records: f returns what a record says of
// all that follow, or event.MinTime if it says nothing.
func Punctuated[T any](f func(v *T) event.Time) Disorder {
	return Generated(0, func() WatermarkGenerator[T] { return punctuated[T](f) })
}

type punctuated[T any] func(*T) event.Time

func (f punctuated[T]) Record(v *T, _ event.Time) event.Time { return f(v) }
func (f punctuated[T]) Period(time.Time) event.Time          { return event.MinTime }

// generating is a generator whose record type is forgotten.
type generating[T any] struct{ g WatermarkGenerator[T] }

// Batch implements operator.WatermarkGenerator.
func (a *generating[T]) Batch(b event.Batch) event.Time {
	r := b.(*event.Records[T])
	w := event.MinTime
	for i := range r.Values {
		w = max(w, a.g.Record(&r.Values[i], r.Times[i]))
	}
	return w
}

// Period implements operator.WatermarkGenerator.
func (a *generating[T]) Period(now time.Time) event.Time { return a.g.Period(now) }

// Snapshot implements operator.Stateful, for a generator that does.
func (a *generating[T]) Snapshot(s state.Snapshot) error {
	if g, ok := a.g.(operator.Stateful); ok {
		return g.Snapshot(s)
	}
	return nil
}

// Restore implements operator.Stateful.
func (a *generating[T]) Restore(r state.Restoration) error {
	if g, ok := a.g.(operator.Stateful); ok {
		return g.Restore(r)
	}
	return nil
}

// Align keeps the sources of a group together in event time: one whose
// watermark is more than drift ahead of the slowest is not read, and its
// connector told to stop fetching, until the others have come closer. So a
// window or a join of a fast and a slow source does not have to keep what the
// fast one is ahead. A source that is idle or has ended holds nobody back; one
// that has had no record yet does, unless Disorder.IdleAfter lets it be idle.
// Alignment limits no speed: who waits is woken as soon as the slowest has
// moved.
func Align(group string, drift time.Duration) Option {
	return option(func(n *graph.Node) error {
		switch {
		case n.Source == nil:
			return fmt.Errorf("Align(%q, %v): only sources can be aligned; give it to From", group, drift)
		case drift <= 0:
			return fmt.Errorf("Align(%q, %v): the drift has to be positive", group, drift)
		}
		n.Align = &graph.Alignment{Group: group, Drift: drift}
		return nil
	})
}
