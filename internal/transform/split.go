package transform

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Split sends each record to one of several outputs.
type Split[T any] struct {
	base
	f    func(*T) int
	outs []operator.Output
	bufs []*event.Records[T]
	n    int
}

// NewSplit returns the operator with n outputs; f returns 0 to n-1.
func NewSplit[T any](n int, f func(*T) int) operator.Operator { return &Split[T]{f: f, n: n} }

// Open implements operator.Operator.
func (o *Split[T]) Open(ctx operator.Context) error {
	size := event.TypeOf[T]().Size()
	for i := range o.n {
		o.outs = append(o.outs, ctx.Output(i))
		o.bufs = append(o.bufs, event.NewRecords[T](ctx.BatchCapacity(size)))
	}
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Split[T]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	for i := range in.Values {
		k, err := o.call(&in.Values[i])
		if err == nil && (k < 0 || k >= o.n) {
			err = fmt.Errorf("the split function returned %d; it must be from 0 to %d", k, o.n-1)
		}
		if err != nil {
			if err := o.ctx.Reject(in.Values[i], in.Times[i], err); err != nil {
				return err
			}
			continue
		}
		o.bufs[k].Append(in.Values[i], in.Times[i])
	}
	for k, buf := range o.bufs {
		o.outs[k].Emit(buf)
	}
	return nil
}

func (o *Split[T]) call(v *T) (k int, err error) {
	defer func() { caught(recover(), &err) }()
	return o.f(v), nil
}
