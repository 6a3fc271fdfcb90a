package transform

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Map turns each record into one of another type.
type Map[T, U any] struct {
	base
	position
	f   func(*T) U
	try func(*T) (U, error)
	buf *event.Records[U]
}

// NewMap returns the operator of a function that cannot fail.
func NewMap[T, U any](f func(*T) U) operator.Operator { return &Map[T, U]{f: f} }

// NewTryMap returns the operator of a function that can.
func NewTryMap[T, U any](f func(*T) (U, error)) operator.Operator { return &Map[T, U]{try: f} }

// Open implements operator.Operator.
func (m *Map[T, U]) Open(ctx operator.Context) error {
	m.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	return m.base.Open(ctx)
}

// Process implements operator.Operator.
func (m *Map[T, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	n := len(in.Values)
	sized(m.buf, n)
	at := 0
	for from := 0; from < n; {
		done, err := m.run(in, from, at)
		copy(m.buf.Times[at:], in.Times[from:done])
		at += done - from
		from = done
		if err != nil {
			if err := m.ctx.Reject(in.Values[done], in.Times[done], err); err != nil {
				return err
			}
			from++
		}
	}
	m.buf.Truncate(at)
	m.out.Emit(m.buf)
	return nil
}

// run maps records from index from on to the output from index at on, up to
// the end or to a record that is refused.
func (m *Map[T, U]) run(in *event.Records[T], from, at int) (done int, err error) {
	defer func() {
		if v := recover(); v != nil {
			caught(v, &err)
			done = m.pos
		}
	}()
	src := in.Values
	dst := m.buf.Values[at : at+len(src)-from]
	if f := m.f; f != nil {
		for i := range dst {
			m.pos = from + i
			dst[i] = f(&src[from+i])
		}
		return len(src), nil
	}
	for i := range dst {
		m.pos = from + i
		if dst[i], err = m.try(&src[from+i]); err != nil {
			return from + i, err
		}
	}
	return len(src), nil
}
