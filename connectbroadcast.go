package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// BroadcastMap declares a state that belongs to no key: each subtask has one,
// and since it is changed by broadcast records alone, all of them are equal. It
// is for ConnectBroadcast, and bounded (state.MaxEntries).
func (c *OpenContext) BroadcastMap[K comparable, V any](name string, options ...state.Option) *state.BroadcastMap[K, V] {
	return state.NewBroadcastMap[K, V](c.store, name, options...)
}

// BroadcastContext is what a processor may use where there is no key: for
// broadcast records, and for those of a stream that is not keyed. It is valid
// for the call.
type BroadcastContext[U any] struct{ s unkeyed[U] }

// unkeyed is what a transform.Scope has, whatever its key.
type unkeyed[U any] interface {
	Time() event.Time
	Watermark() event.Time
	Now() time.Time
	Emit(U)
	EmitAt(U, event.Time)
	Count(string, int64)
}

// EventTime is the event time of the record.
func (c *BroadcastContext[U]) EventTime() event.Time { return c.s.Time() }

// Watermark is the current watermark of both streams together: MinTime when
// there was none, MaxTime when both have ended.
func (c *BroadcastContext[U]) Watermark() event.Time { return c.s.Watermark() }

// Now is the processing time. It is not the same on all subtasks.
func (c *BroadcastContext[U]) Now() time.Time { return c.s.Now() }

// Emit passes a record on with the event time of the current one. What is
// emitted for a broadcast record is emitted by every subtask.
func (c *BroadcastContext[U]) Emit(u U) { c.s.Emit(u) }

// EmitAt is Emit with an event time. At or before the watermark it is late.
func (c *BroadcastContext[U]) EmitAt(u U, t event.Time) { c.s.EmitAt(u, t) }

// Count adds to a counter of the operator, which appears in its metrics.
func (c *BroadcastContext[U]) Count(name string, n int64) { c.s.Count(name, n) }

// KeyedBroadcast is a keyed stream together with one whose records go to all
// subtasks.
type KeyedBroadcast[K comparable, T, B any] struct {
	main  *Keyed[K, T]
	rules *Stream[B]
}

// ConnectBroadcast pairs the stream with a small one, like rules or prices,
// every record of which goes to every subtask, in one order: it passes through
// a task of its own for that. Between the two streams there is no order: a
// record may come before a rule with an earlier event time.
func (k *Keyed[K, T]) ConnectBroadcast[B any](rules *Stream[B]) *KeyedBroadcast[K, T, B] {
	k.checkJob(rules.job, fmt.Sprintf("key %q is connected with a broadcast stream", k.name))
	return &KeyedBroadcast[K, T, B]{main: k, rules: rules}
}

// KeyedBroadcastProcessor is a Processor with broadcast states. It may have
// OnTimer, like TimerProcessor.
type KeyedBroadcastProcessor[K comparable, T, B, U any] interface {
	// Open is called once, before any record, to declare states of keys and
	// broadcast states.
	Open(ctx *OpenContext) error
	// Process handles a record, as Processor.Process does. It may read
	// broadcast states.
	Process(ctx *ProcessContext[K, U], v *T) error
	// ProcessBroadcast handles a broadcast record, on every subtask. It may
	// change broadcast states, in a way that depends on nothing but them and
	// the record. There is no current key.
	ProcessBroadcast(ctx *BroadcastContext[U], v *B) error
}

// Process calls a function of the user for each record of the keyed stream,
// with states and timers of its key and with broadcast states, which the
// records of the other stream change. make returns the processor of one
// subtask.
func (k *KeyedBroadcast[K, T, B]) Process[U any, P KeyedBroadcastProcessor[K, T, B, U]](name string, make func() P, options ...Option) *Stream[U] {
	main, j, sides := k.main, k.main.stream.job, &sides{}
	n := j.add(&graph.Node{
		Name: name, Kind: "broadcast_process", Keyed: true, Inputs: []graph.Input{main.input(), k.rules.everywhere(name)}, Outputs: []event.Type{event.TypeOf[U]()},
		Operator: func() operator.Operator {
			p := make()
			f := newProgram[K, U](name, p)
			return transform.NewPorted(f, backends[K](j), sides.names,
				transform.NewKeyedPort(main.key, receiver[K, T, U]{&f.ctx, p.Process}),
				transform.NewBroadcastPort(&unkeyedReceiver[K, B, U]{f: p.ProcessBroadcast}))
		},
	}, options)
	n.Order.Needs = processNeeds
	return &Stream[U]{job: j, node: n, sides: sides}
}

// everywhere is the arrow by which all subtasks of an operator get all records
// in one order, that of a task with one subtask.
func (s *Stream[T]) everywhere(name string) graph.Input {
	n := s.job.pass(name+".broadcast", "broadcast", event.TypeOf[T](), []graph.Input{s.input()}, []Option{Parallelism(1)})
	return graph.Input{From: n.ID, Port: 1, Partition: event.Broadcast}
}

// StreamBroadcast is a stream without keys together with one whose records go
// to all subtasks.
type StreamBroadcast[T, B any] struct {
	main  *Stream[T]
	rules *Stream[B]
}

// ConnectBroadcast is Keyed.ConnectBroadcast for a stream without keys.
func (s *Stream[T]) ConnectBroadcast[B any](rules *Stream[B]) *StreamBroadcast[T, B] {
	if rules.job != s.job {
		s.job.fail(fmt.Errorf("the output of %q is connected with a broadcast stream of another job: both streams must be of one job", s.node.Name))
	}
	return &StreamBroadcast[T, B]{main: s, rules: rules}
}

// BroadcastProcessor is a function over a stream without keys, with broadcast
// states and no others, and without timers.
type BroadcastProcessor[T, B, U any] interface {
	// Open is called once, before any record, to declare broadcast states.
	Open(ctx *OpenContext) error
	// Process handles a record. It may read broadcast states.
	Process(ctx *BroadcastContext[U], v *T) error
	// ProcessBroadcast handles a broadcast record, on every subtask. It may
	// change broadcast states, in a way that depends on nothing but them and
	// the record.
	ProcessBroadcast(ctx *BroadcastContext[U], v *B) error
}

// Process calls a function of the user for each record of the stream, with
// broadcast states, which the records of the other stream change. make returns
// the processor of one subtask.
func (s *StreamBroadcast[T, B]) Process[U any, P BroadcastProcessor[T, B, U]](name string, make func() P, options ...Option) *Stream[U] {
	j := s.main.job
	n := j.add(&graph.Node{
		Name: name, Kind: "broadcast_process", Inputs: []graph.Input{s.main.input(), s.rules.everywhere(name)}, Outputs: []event.Type{event.TypeOf[U]()},
		Operator: func() operator.Operator {
			p := make()
			return transform.NewPorted(keyless[U]{newProgram[none, U](name, p)}, transform.InMemory(memory.NewBackend[none]), nil,
				transform.NewPlainPort(&unkeyedReceiver[none, T, U]{f: p.Process}),
				transform.NewBroadcastPort(&unkeyedReceiver[none, B, U]{f: p.ProcessBroadcast}))
		},
	}, options)
	return &Stream[U]{job: j, node: n}
}

// none is the key of a stream without keys.
type none struct{}

// keyless refuses states of keys.
type keyless[U any] struct{ *program[none, U] }

// Open implements transform.Program.
func (f keyless[U]) Open(s *transform.Scope[none, U]) error {
	if err := f.program.Open(s); err != nil {
		return err
	}
	if s.Store().Keyed() {
		return fmt.Errorf("the processor of %q declares a state of keys, but its stream has none: call KeyBy before ConnectBroadcast, or declare BroadcastMap only", f.ctx.name)
	}
	return nil
}

// unkeyedReceiver is a method of a processor for the records of an input
// without keys.
type unkeyedReceiver[K comparable, T, U any] struct {
	ctx BroadcastContext[U]
	f   func(*BroadcastContext[U], *T) error
}

// Process implements transform.Receiver.
func (r *unkeyedReceiver[K, T, U]) Process(s *transform.Scope[K, U], v *T) error {
	if r.ctx.s == nil {
		r.ctx.s = s
	}
	return r.f(&r.ctx, v)
}
