package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// base is what every operator here has in common.
type base struct {
	ctx operator.Context
	out operator.Output
}

func (o *base) Open(ctx operator.Context) error {
	o.ctx, o.out = ctx, ctx.Output(0)
	return nil
}
func (o *base) Watermark(t event.Time) error { o.ctx.Watermark(t); return nil }
func (o *base) Finish() error                { return nil }
func (o *base) Close() error                 { return nil }

// position is where a function of the user is in a batch. A panic of
// the user's code becomes an error of the record that it happened on; the
// position is stored before each call, so that the loop variable stays in a
// register.
type position struct{ pos int }

// caught ends a deferred recover: it passes unwinding on and turns anything
// else into an error.
func caught(v any, err *error) {
	if v == nil {
		return
	}
	if _, ok := v.(operator.Unwind); ok {
		panic(v)
	}
	*err = operator.Panicked(v)
}

// sized returns r with length n in values and times; old contents do not
// matter.
func sized[T any](r *event.Records[T], n int) {
	r.Truncate(0)
	r.Grow(n)
	r.Values, r.Times = r.Values[:n], r.Times[:n]
}
