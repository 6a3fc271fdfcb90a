package afflux

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// Windowed is a keyed stream divided into windows of event time.
type Windowed[K comparable, T any] struct {
	keyed    *Keyed[K, T]
	assigner window.Assigner
}

// Window divides the stream into windows of event time: window.Tumbling or
// window.Sliding.
func (k *Keyed[K, T]) Window(a window.Assigner) *Windowed[K, T] {
	if err := a.Err(); err != nil {
		k.stream.job.fail(fmt.Errorf("key %q: %w", k.name, err))
	}
	return &Windowed[K, T]{keyed: k, assigner: a}
}

// Results is the stream of what windows of records of type T emit, with the
// late records beside it.
type Results[T, U any] struct {
	*Stream[U]
	late *Stream[T]
}

// Late is the stream of records that came after all of their windows had
// fired. They are counted; unless this stream is used, they are dropped.
func (r *Results[T, U]) Late() *Stream[T] { return r.late }

// Aggregate folds the records of each key and window, and emits one result
// when the watermark passes the end of the window. The event time of a result
// is the last of its window.
func (w *Windowed[K, T]) Aggregate[A, R any](name string, a Aggregator[T, A, R], options ...Option) *Results[T, window.Result[K, R]] {
	if a.Add == nil || a.Result == nil || a.Merge == nil {
		w.keyed.stream.job.fail(fmt.Errorf("aggregate %q: the aggregator of a window needs Add, Merge and Result", name))
	}
	if a.Init == nil {
		return windowed(w, name, a.fold(), func(k K, x window.Window, acc *A) window.Result[K, R] {
			return window.Result[K, R]{Key: k, Start: x.Start, End: x.End, Value: a.Result(acc)}
		}, options)
	}
	return windowed(w, name, a.preparedFold(), func(k K, x window.Window, acc *prepared[A]) window.Result[K, R] {
		return window.Result[K, R]{Key: k, Start: x.Start, End: x.End, Value: a.Result(acc.get(a.Init))}
	}, options)
}

// Reduce combines the records of each key and window, like Keyed.Reduce, and
// emits one record when the watermark passes the end of the window. f must be
// associative: sliding windows combine parts.
func (w *Windowed[K, T]) Reduce(name string, f func(acc *T, v *T), options ...Option) *Results[T, T] {
	add := reducing(f)
	fold := transform.Fold[T, reduced[T]]{
		Add: add,
		Merge: func(into, from *reduced[T]) {
			if from.set {
				add(into, &from.value)
			}
		},
	}
	return windowed(w, name, fold, func(_ K, _ window.Window, a *reduced[T]) T { return a.value }, options)
}

func windowed[K comparable, T, A, U any](w *Windowed[K, T], name string, fold transform.Fold[T, A], result func(K, window.Window, *A) U, options []Option) *Results[T, U] {
	key, assigner := w.keyed.key, w.assigner
	n := w.keyed.node(name, "window", []event.Type{event.TypeOf[U](), event.TypeOf[T]()}, func() operator.Operator {
		return transform.NewWindow(assigner, key, fold, result, table[K, A])
	}, options)
	n.NeedsWatermarks, n.Optional = true, []int{1}
	j := w.keyed.stream.job
	return &Results[T, U]{Stream: &Stream[U]{job: j, node: n}, late: &Stream[T]{job: j, node: n, output: 1}}
}
