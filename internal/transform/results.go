package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// Result makes what is emitted for a key and window: any number of records. It
// must not keep the accumulator. An error is reported with the key and window.
type Result[K, A, U any] func(k K, w window.Window, t window.Timing, acc *A, emit func(U)) error

// results is the output of an operator whose windows fire.
type results[K, A, U any] struct {
	result Result[K, A, U]
	ctx    operator.Context
	out    operator.Output
	buf    *event.Records[U]
	at     event.Time
	emit   func(U)
	send   func()
	// walk measures going through a table, while walking: what is fired for its
	// entries is no part of that.
	walk    walk
	walking bool
}

func (r *results[K, A, U]) open(ctx operator.Context) {
	r.ctx, r.out = ctx, ctx.Output(0)
	r.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	r.send = func() { r.out.Emit(r.buf) }
	r.emit = func(u U) {
		r.buf.Append(u, r.at)
		switch {
		case len(r.buf.Values) < cap(r.buf.Values):
		case r.walking:
			r.walk.emit(r.send)
		default:
			r.send()
		}
	}
}

// begin and end are called around going through a table, or looking up its keys one
// by one, to fire.
func (r *results[K, A, U]) begin(g *gauges) { r.walk, r.walking = g.walk(), true }

func (r *results[K, A, U]) end() {
	r.walk.done()
	r.walking = false
}

// fire emits the results of a key and window with event time at.
func (r *results[K, A, U]) fire(k K, w window.Window, t window.Timing, acc *A, at event.Time) error {
	r.at = at
	if r.walking {
		r.walk.enter()
	}
	err := r.result(k, w, t, acc, r.emit)
	if r.walking {
		r.walk.leave()
	}
	if err == nil {
		return nil
	}
	return r.ctx.Reject(window.Result[K, string]{Key: k, Start: w.Start, End: w.End, Timing: t}, at, err)
}

func (r *results[K, A, U]) flush() { r.send() }

// lateRecords collects the records that came after their windows were dropped.
type lateRecords[T any] struct {
	ctx operator.Context
	out operator.Output
	buf *event.Records[T]
}

func (l *lateRecords[T]) open(ctx operator.Context) {
	l.ctx, l.out = ctx, ctx.Output(lateOutput)
	l.buf = event.NewRecords[T](1)
}

func (l *lateRecords[T]) add(v *T, t event.Time) { l.buf.Append(*v, t) }

// flush counts them and passes them on.
func (l *lateRecords[T]) flush() {
	if len(l.buf.Values) == 0 {
		return
	}
	l.ctx.Count("late", int64(len(l.buf.Values)))
	if l.out != nil {
		l.out.Emit(l.buf)
	}
	l.buf.Reset()
}
