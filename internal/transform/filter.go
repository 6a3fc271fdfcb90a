package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Filter keeps the records that a predicate accepts.
type Filter[T any] struct {
	base
	position
	f    func(*T) bool
	try  func(*T) (bool, error)
	kept int
}

// NewFilter returns the operator of a predicate that cannot fail.
func NewFilter[T any](f func(*T) bool) operator.Operator { return &Filter[T]{f: f} }

// NewTryFilter returns the operator of a predicate that can.
func NewTryFilter[T any](f func(*T) (bool, error)) operator.Operator { return &Filter[T]{try: f} }

// Process implements operator.Operator.
func (o *Filter[T]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	o.kept = 0
	for from := 0; from < len(in.Values); {
		done, err := o.run(in, from)
		from = done
		if err != nil {
			if err := o.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
				return err
			}
			from++
		}
	}
	in.Truncate(o.kept)
	o.out.Emit(b)
	return nil
}

func (o *Filter[T]) run(in *event.Records[T], from int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = o.pos
		}
	}()
	values, times := in.Values, in.Times[:len(in.Values)]
	if f := o.f; f != nil {
		i := from
		if o.kept == from {
			// Nothing was dropped so far: nothing has to move.
			for ; i < len(values); i++ {
				o.pos, o.kept = i, i
				if !f(&values[i]) {
					break
				}
			}
			o.kept = i
			i++
		}
		for ; i < len(values); i++ {
			o.pos = i
			if f(&values[i]) {
				k := o.kept
				values[k], times[k] = values[i], times[i]
				o.kept = k + 1
			}
		}
		return len(values), nil
	}
	for i := from; i < len(values); i++ {
		o.pos = i
		ok, err := o.try(&values[i])
		if err != nil {
			return i, err
		}
		if ok {
			values[o.kept], times[o.kept] = values[i], times[i]
			o.kept++
		}
	}
	return len(values), nil
}
