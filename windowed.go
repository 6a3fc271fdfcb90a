package afflux

import (
	"errors"
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// Windowed is a keyed stream divided into windows.
type Windowed[K comparable, T any] struct {
	keyed      *Keyed[K, T]
	definition window.Definition
	firing     window.Firing
	salts      int // 0: not salted
}

// Window divides the stream into windows: of event time, the same for all keys
// (window.Tumbling, Sliding, Days, Weeks, Months, Global), of activity of a key
// (window.Session) or of a number of its records (window.Count, SlidingCount).
//
// Without options, a window of event time has one result, when the watermark
// passes its end, and what comes later is late.
func (k *Keyed[K, T]) Window(d window.Definition, options ...WindowOption) *Windowed[K, T] {
	w := &Windowed[K, T]{keyed: k, definition: d}
	for _, o := range options {
		o(&w.firing)
	}
	err := errors.Join(d.Err(), w.firing.Err())
	if _, counts := d.(window.Counts); counts && !w.firing.Once() {
		err = fmt.Errorf("%v has a result when it is full: it takes no early results and no lateness", d)
	}
	if err != nil {
		k.stream.job.fail(fmt.Errorf("key %q: %w", k.name, err))
	}
	return w
}

// Results is the stream of what windows of records of type T emit, with the
// late records beside it.
type Results[T, U any] struct {
	*Stream[U]
	late *Stream[T]
}

// Late is the stream of records that came after all of their windows had been
// dropped: after their end and the allowed lateness. They are counted; unless
// this stream is used, they are dropped.
func (r *Results[T, U]) Late() *Stream[T] { return r.late }

// Aggregate folds the records of each key and window, and emits one result
// when the watermark passes the end of the window, and others as the options of
// Window say. The event time of a result is the last of its window.
func (w *Windowed[K, T]) Aggregate[A, R any](name string, a Aggregator[T, A, R], options ...Option) *Results[T, window.Result[K, R]] {
	if a.Add == nil || a.Result == nil || a.Merge == nil {
		w.keyed.stream.job.fail(fmt.Errorf("aggregate %q: the aggregator of a window needs Add, Merge and Result", name))
	}
	return windowed(w, name, a.fold(), func(k K, x window.Window, t window.Timing, acc *A) window.Result[K, R] {
		return window.Result[K, R]{Key: k, Start: x.Start, End: x.End, Value: a.Result(acc), Timing: t}
	}, func(keys []K, x window.Window, accs []*A, out []window.Result[K, R]) {
		for i, k := range keys {
			out[i] = window.Result[K, R]{Key: k, Start: x.Start, End: x.End, Value: a.Result(accs[i]), Timing: window.OnTime}
		}
	}, options)
}

// Reduce combines the records of each key and window, like Keyed.Reduce, and
// emits one record when the watermark passes the end of the window, and others
// as the options of Window say. f must be associative: sliding windows and
// sessions combine parts.
func (w *Windowed[K, T]) Reduce[F ~func(acc, v *T)](name string, f F, options ...Option) *Results[T, T] {
	add := reducing(f)
	fold := transform.Fold[T, reduced[T]]{
		Add: add,
		Merge: func(into, from *reduced[T]) {
			if from.set {
				add(into, &from.value)
			}
		},
	}
	return windowed(w, name, fold, func(_ K, _ window.Window, _ window.Timing, a *reduced[T]) T { return a.value },
		func(_ []K, _ window.Window, accs []*reduced[T], out []T) {
			for i, a := range accs {
				out[i] = a.value
			}
		}, options)
}

// Apply calls f with all records of a key and window at once, when the window
// has a result; f emits any number of others. It must not keep the slice nor
// emit. Records are in the order in which they came; where parts were combined
// (sliding windows, merged sessions), part after part. They are kept in memory
// until then: an Aggregate needs far less.
func (w *Windowed[K, T]) Apply[U any](name string, f func(r *window.Result[K, []T], emit func(U)) error, options ...Option) *Results[T, U] {
	fold := transform.Fold[T, []T]{
		Add:   func(a *[]T, v *T) { *a = append(*a, *v) },
		Merge: func(into, from *[]T) { *into = append(*into, *from...) },
	}
	return windowedMany(w, name, fold, func(k K, x window.Window, t window.Timing, a *[]T, emit func(U)) error {
		return f(&window.Result[K, []T]{Key: k, Start: x.Start, End: x.End, Value: *a, Timing: t}, emit)
	}, options)
}

// windowed adds an operator that makes one record of a result: result where there
// may be several for a key and window, results where there is one, on time.
func windowed[K comparable, T, A, U any](w *Windowed[K, T], name string, fold transform.Fold[T, A], result func(K, window.Window, window.Timing, *A) U, results transform.WindowResults[K, A, U], options []Option) *Results[T, U] {
	if a, ok := w.definition.(window.Assigner); ok && w.firing.Once() && !a.Unbounded() {
		j, key := w.keyed.stream.job, w.keyed.key
		r := w.results[U](name, true, func() operator.Operator {
			return transform.NewWindow(a, key, fold, results, tables[K, A](j))
		}, options)
		w.combine(r.node, combiner(w, a, fold))
		return r
	}
	return windowedMany(w, name, fold, func(k K, x window.Window, t window.Timing, acc *A, emit func(U)) error {
		emit(result(k, x, t, acc))
		return nil
	}, options)
}

// windowedMany adds the operator for a definition of windows.
func windowedMany[K comparable, T, A, U any](w *Windowed[K, T], name string, fold transform.Fold[T, A], result transform.Result[K, A, U], options []Option) *Results[T, U] {
	j, d, key, firing := w.keyed.stream.job, w.definition, w.keyed.key, w.firing
	if w.salts > 0 {
		j.fail(fmt.Errorf("%q cannot be salted: Aggregate and Reduce of windows of event time can, if a window has one result", name))
	}
	r := w.results[U](name, timed(d), func() operator.Operator { return manyResults(j, d, firing, key, fold, result) }, options)
	if _, counts := d.(window.Counts); counts {
		r.node.Order.Needs = "divides the records of a key by how many came before them"
	}
	return r
}

// manyResults is the operator for a definition of windows.
func manyResults[K comparable, T, A, U any](j *Job, d window.Definition, firing window.Firing, key func(*T) K, fold transform.Fold[T, A], result transform.Result[K, A, U]) operator.Operator {
	switch d := d.(type) {
	case window.Sessions:
		return transform.NewSession(d, firing, key, fold, result, tables[K, transform.Activity[A]](j))
	case window.Counts:
		return transform.NewCount(d, key, fold, result, tables[K, transform.Counted[A]](j))
	}
	return transform.NewTriggered(d.(window.Assigner), firing, key, fold, result, tables[K, transform.Cell[A]](j))
}

// timed tells whether windows need event times. A global one ends with the
// input, whatever the event times are.
func timed(d window.Definition) bool {
	switch d := d.(type) {
	case window.Counts:
		return false
	case window.Assigner:
		return !d.Unbounded()
	}
	return true
}

func (w *Windowed[K, T]) results[U any](name string, timed bool, make func() operator.Operator, options []Option) *Results[T, U] {
	n := w.keyed.node(name, "window", []event.Type{event.TypeOf[U](), event.TypeOf[T]()}, make, options)
	n.NeedsWatermarks, n.Optional = timed, []int{1}
	j := w.keyed.stream.job
	return &Results[T, U]{Stream: &Stream[U]{job: j, node: n}, late: &Stream[T]{job: j, node: n, output: 1}}
}
