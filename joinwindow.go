package afflux

import (
	"errors"
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// JoinedWindows is a pair of keyed streams divided into the same windows.
type JoinedWindows[K comparable, A, B any] struct {
	joined     *Joined[K, A, B]
	definition window.Definition
	firing     window.Firing
}

// Window divides both streams into windows of event time, as Keyed.Window does
// for one: a session is one of records of both. A record is late when all of its
// windows have been dropped. Windows of a number of records
// cannot be joined.
//
// With options for early or late results, each of them has all pairs of its
// key and window so far, and so replaces the one before. Discard is for Apply
// only: pairs of records on both sides of a result would be lost.
func (j *Joined[K, A, B]) Window(d window.Definition, options ...WindowOption) *JoinedWindows[K, A, B] {
	w := &JoinedWindows[K, A, B]{joined: j, definition: d}
	for _, o := range options {
		o(&w.firing)
	}
	err := errors.Join(d.Err(), w.firing.Err())
	if _, counts := d.(window.Counts); counts {
		err = fmt.Errorf("a join in %v: which records of two streams come first is chance, so a join needs windows of time", d)
	}
	if err != nil {
		j.left.stream.job.fail(fmt.Errorf("key %q joined with key %q: %w", j.left.name, j.right.name, err))
	}
	return w
}

// Inner calls f for each pair of a left and a right record of a key and window.
// The event time of a result is the last of its window. f must be pure, and must
// not keep its arguments.
//
// Both sides are kept in memory until the window has its result; the pairs are
// made one after the other, and wait for credit.
func (w *JoinedWindows[K, A, B]) Inner[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return w.pairs[U](name, transform.Match[K, A, B, U]{Pair: f}, options)
}

// Left is Inner, and calls f with b nil for left records of a key and window
// that has no right one.
func (w *JoinedWindows[K, A, B]) Left[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return w.pairs[U](name, transform.Match[K, A, B, U]{Pair: f, KeepLeft: true}, options)
}

// Right is Inner, and calls f with a nil for right records of a key and window
// that has no left one.
func (w *JoinedWindows[K, A, B]) Right[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return w.pairs[U](name, transform.Match[K, A, B, U]{Pair: f, KeepRight: true}, options)
}

// Full is Left and Right together.
func (w *JoinedWindows[K, A, B]) Full[U any](name string, f func(a *A, b *B) U, options ...Option) *Pairs[A, B, U] {
	return w.pairs[U](name, transform.Match[K, A, B, U]{Pair: f, KeepLeft: true, KeepRight: true}, options)
}

func (w *JoinedWindows[K, A, B]) pairs[U any](name string, m transform.Match[K, A, B, U], options []Option) *Pairs[A, B, U] {
	if w.firing.Discard {
		w.joined.left.stream.job.fail(fmt.Errorf("join %q: with Discard a pair is lost when a result comes between its records: use Accumulate, or Apply", name))
	}
	return w.join[U](name, m, options)
}

// JoinWindow is what two streams have in a window of a key. One of the sides
// may be empty.
type JoinWindow[K comparable, A, B any] struct {
	Key K `json:"key"`
	// Start is the first event time of the window, End the first one after it.
	Start event.Time `json:"start"`
	End   event.Time `json:"end"`
	Left  []A        `json:"left"`
	Right []B        `json:"right"`
	// Timing tells when the result was made; OnTime is not written as JSON.
	Timing window.Timing `json:"timing,omitzero"`
}

// Apply calls f with all records of a key and window at once, when the window
// has a result; f emits any number of others. It must not keep the slices nor
// emit. Records of a side are in the order in which they came; where parts were
// combined (sliding windows, merged sessions), part after part.
func (w *JoinedWindows[K, A, B]) Apply[U any](name string, f func(r *JoinWindow[K, A, B], emit func(U)) error, options ...Option) *Pairs[A, B, U] {
	return w.join[U](name, transform.Match[K, A, B, U]{
		All: func(k K, x window.Window, t window.Timing, s *transform.Sides[A, B], emit func(U)) error {
			return f(&JoinWindow[K, A, B]{Key: k, Start: x.Start, End: x.End, Left: s.Left, Right: s.Right, Timing: t}, emit)
		},
	}, options)
}

func (w *JoinedWindows[K, A, B]) join[U any](name string, m transform.Match[K, A, B, U], options []Option) *Pairs[A, B, U] {
	left, right, d, firing := w.joined.left.key, w.joined.right.key, w.definition, w.firing
	j := w.joined.left.stream.job
	p := w.joined.pairs[U](name, "window_join", func() operator.Operator {
		return transform.NewWindowJoin(left, right, m, func(key func(*transform.Either[A, B]) K,
			fold transform.Fold[transform.Either[A, B], transform.Sides[A, B]], result transform.Result[K, transform.Sides[A, B], U]) operator.Operator {
			return manyResults(j, d, firing, key, fold, result)
		})
	}, options)
	p.node.NeedsWatermarks = timed(d)
	return p
}
