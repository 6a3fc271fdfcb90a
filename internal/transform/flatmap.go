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
	f     func(*T, func(U)) error
	buf   *event.Records[U]
	full  int
	limit int64 // bytes in buf, for records of variable size only
	bytes int64
	time  event.Time
}

// NewFlatMap returns the operator; f must not keep its arguments.
func NewFlatMap[T, U any](f func(*T, func(U)) error) operator.Operator {
	return &FlatMap[T, U]{f: f}
}

// Open implements operator.Operator.
func (o *FlatMap[T, U]) Open(ctx operator.Context) error {
	t := event.TypeOf[U]()
	o.full = ctx.BatchCapacity(t.Size())
	if t.Variable() {
		o.limit = int64(o.full) * int64(t.Size())
	}
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
	o.send()
	return nil
}

func (o *FlatMap[T, U]) emit(v U) {
	o.buf.Append(v, o.time)
	n := len(o.buf.Values)
	if o.limit > 0 {
		_, b := o.buf.Fit(n-1, 0)
		o.bytes += b
	}
	if n >= o.full || o.bytes > o.limit {
		o.send()
	}
}

// send passes the batch on. It may be called from within a function of the
// user: a panic further down is not that function's.
func (o *FlatMap[T, U]) send() {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(operator.Unwind); !ok {
				v = operator.Unwind{Err: operator.Panicked(v)}
			}
			panic(v)
		}
	}()
	o.bytes = 0
	o.out.Emit(o.buf)
}

func (o *FlatMap[T, U]) call(v *T, emit func(U)) (err error) {
	defer func() { caught(recover(), &err) }()
	return o.f(v, emit)
}
