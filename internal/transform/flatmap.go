package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// FlatMap turns each record into any number of others. It may wait for credit
// in the middle of a record, so a record that expands a million times takes no
// more memory than one that does not.
type FlatMap[T, U any] struct {
	base
	f    func(*T, func(U)) error
	buf  *event.Records[U]
	full int
	time event.Time
}

// NewFlatMap returns the operator; f must not keep its arguments.
func NewFlatMap[T, U any](f func(*T, func(U)) error) operator.Operator {
	return &FlatMap[T, U]{f: f}
}

// Open implements operator.Operator.
func (o *FlatMap[T, U]) Open(ctx operator.Context) error {
	o.full = ctx.BatchCapacity(event.TypeOf[U]().Size())
	o.buf = event.NewRecords[U](o.full)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *FlatMap[T, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	emit := o.emit
	for i := range in.Values {
		o.time = in.Times[i]
		if err := o.call(&in.Values[i], emit); err != nil {
			if err := o.ctx.Reject(in.Values[i], in.Times[i], err); err != nil {
				return err
			}
		}
	}
	o.out.Emit(o.buf)
	return nil
}

func (o *FlatMap[T, U]) emit(v U) {
	o.buf.Append(v, o.time)
	if len(o.buf.Values) >= o.full {
		o.out.Emit(o.buf)
	}
}

func (o *FlatMap[T, U]) call(v *T, emit func(U)) (err error) {
	defer func() { caught(recover(), &err) }()
	return o.f(v, emit)
}
