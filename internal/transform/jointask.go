package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// The side outputs of a join for late records.
const (
	lateLeftOutput  = 1
	lateRightOutput = 2
)

// joinTask is the task as the operator within a join sees it: records that go
// out by themselves, late or refused, become those of their input again.
type joinTask[A, B any] struct {
	operator.Context
	main passing
	late lateSides[A, B]
}

func (c *joinTask[A, B]) open(ctx operator.Context) {
	c.Context, c.main.out = ctx, ctx.Output(0)
	c.late.left.out, c.late.right.out = ctx.Output(lateLeftOutput), ctx.Output(lateRightOutput)
	c.late.left.buf, c.late.right.buf = event.NewRecords[A](1), event.NewRecords[B](1)
}

// Output implements operator.Context.
func (c *joinTask[A, B]) Output(i int) operator.Output {
	switch i {
	case 0:
		return &c.main
	case lateOutput:
		return &c.late
	}
	return nil
}

// Reject implements operator.Context.
func (c *joinTask[A, B]) Reject(value any, t event.Time, err error) error {
	if v, ok := value.(Either[A, B]); ok {
		value = v.right
		if v.left != nil {
			value = v.left
		}
	}
	return c.Context.Reject(value, t, err)
}

// passing is an output that is used from within functions of the user.
type passing struct{ out operator.Output }

// Emit implements operator.Output.
func (o *passing) Emit(b event.Batch) { pass(o.out, b) }

// lateSides takes the late records of both inputs and divides them again.
type lateSides[A, B any] struct {
	left  lateSide[A]
	right lateSide[B]
}

type lateSide[T any] struct {
	out operator.Output // nil: nobody reads it
	buf *event.Records[T]
}

// Emit implements operator.Output.
func (o *lateSides[A, B]) Emit(b event.Batch) {
	in := b.(*event.Records[Either[A, B]])
	for i, v := range in.Values {
		if v.left != nil {
			o.left.add(v.left, in.Times[i])
		} else {
			o.right.add(v.right, in.Times[i])
		}
	}
	o.left.send()
	o.right.send()
	in.Reset()
}

func (s *lateSide[T]) add(v *T, t event.Time) {
	if s.out != nil {
		s.buf.Append(*v, t)
	}
}

func (s *lateSide[T]) send() {
	if s.out != nil {
		s.out.Emit(s.buf)
	}
}
