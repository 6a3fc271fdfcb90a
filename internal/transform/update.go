package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Update changes each record in place: nothing is copied.
type Update[T any] struct {
	base
	position
	f   func(*T)
	try func(*T) error
}

// NewUpdate returns the operator of a function that cannot fail.
func NewUpdate[T any](f func(*T)) operator.Operator { return &Update[T]{f: f} }

// NewTryUpdate returns the operator of a function that can.
func NewTryUpdate[T any](f func(*T) error) operator.Operator { return &Update[T]{try: f} }

// Process implements operator.Operator.
func (u *Update[T]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	n := len(in.Values)
	kept := 0
	for from := 0; from < n; {
		done, err := u.run(in, from)
		if kept != from {
			copy(in.Values[kept:], in.Values[from:done])
			copy(in.Times[kept:], in.Times[from:done])
		}
		kept += done - from
		from = done
		if err != nil {
			if err := u.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
				return err
			}
			from++
		}
	}
	in.Truncate(kept)
	u.out.Emit(b)
	return nil
}

func (u *Update[T]) run(in *event.Records[T], from int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = u.pos
		}
	}()
	values := in.Values
	if f := u.f; f != nil {
		i := from
		// Four at a time: of what is left around the calls, the loop itself is
		// a large part.
		for ; i+4 <= len(values); i += 4 {
			four := values[i : i+4 : i+4]
			u.pos = i
			f(&four[0])
			u.pos = i + 1
			f(&four[1])
			u.pos = i + 2
			f(&four[2])
			u.pos = i + 3
			f(&four[3])
		}
		for ; i < len(values); i++ {
			u.pos = i
			f(&values[i])
		}
		return len(values), nil
	}
	for i := from; i < len(values); i++ {
		u.pos = i
		if err := u.try(&values[i]); err != nil {
			return i, err
		}
	}
	return len(values), nil
}
