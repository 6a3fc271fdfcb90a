package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/state"
)

// meeting joins two streams for all time, whichever record of a pair comes
// first: the regular join of SQL. It keeps all records of both.
type meeting[A, B, U any] struct {
	pair  func(*A, *B) U
	left  *state.List[A]
	right *state.List[B]
}

// meet is for Connected.Process.
func meet[A, B, U any](pair func(*A, *B) U) func() *meeting[A, B, U] {
	return func() *meeting[A, B, U] { return &meeting[A, B, U]{pair: pair} }
}

// Open implements afflux.PairProcessor.
func (m *meeting[A, B, U]) Open(ctx *afflux.OpenContext) error {
	m.left, m.right = ctx.List[A]("left"), ctx.List[B]("right")
	return nil
}

// ProcessLeft implements afflux.PairProcessor.
func (m *meeting[A, B, U]) ProcessLeft(ctx *afflux.ProcessContext[int64, U], a *A) error {
	m.left.Append(*a)
	for _, b := range m.right.Get() {
		ctx.Emit(m.pair(a, &b))
	}
	return nil
}

// ProcessRight implements afflux.PairProcessor.
func (m *meeting[A, B, U]) ProcessRight(ctx *afflux.ProcessContext[int64, U], b *B) error {
	m.right.Append(*b)
	for _, a := range m.left.Get() {
		ctx.Emit(m.pair(&a, b))
	}
	return nil
}
