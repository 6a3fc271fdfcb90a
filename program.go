package afflux

import (
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
)

// opener is what all kinds of processors have.
type opener interface{ Open(ctx *OpenContext) error }

// program is what the engine sees of a processor, its inputs aside.
type program[K comparable, U any] struct {
	p      opener
	timers TimerProcessor[K, U] // nil: it sets none
	ctx    ProcessContext[K, U]
}

func newProgram[K comparable, U any](name string, p opener) *program[K, U] {
	f := &program[K, U]{p: p, ctx: ProcessContext[K, U]{name: name}}
	f.timers, _ = p.(TimerProcessor[K, U])
	f.ctx.timers = f.timers != nil
	return f
}

// Open implements transform.Program.
func (f *program[K, U]) Open(s *transform.Scope[K, U]) error {
	f.ctx.s = s
	index, n := s.Subtask()
	return f.p.Open(&OpenContext{store: s.Store(), index: index, parallelism: n})
}

// OnTimer implements transform.Program.
func (f *program[K, U]) OnTimer(_ *transform.Scope[K, U], at event.Time, kind TimerKind) error {
	return f.timers.OnTimer(&f.ctx, at, kind)
}

// receiver is a method of a processor for the records of one input.
type receiver[K comparable, T, U any] struct {
	ctx *ProcessContext[K, U]
	f   func(*ProcessContext[K, U], *T) error
}

// Process implements transform.Receiver.
func (r receiver[K, T, U]) Process(_ *transform.Scope[K, U], v *T) error { return r.f(r.ctx, v) }
