package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// Processor is a function over a keyed stream with states and timers. There is
// one value for each subtask, called by one goroutine at a time; the states of
// a key are seen by that key alone.
type Processor[K comparable, T, U any] interface {
	// Open is called once, before any record, to declare states.
	Open(ctx *OpenContext) error
	// Process handles a record, which is valid for the call. An error refuses
	// the record by the policy of the operator; what was emitted and stored
	// before it stays.
	Process(ctx *ProcessContext[K, U], v *T) error
}

// TimerProcessor is a Processor that sets timers.
type TimerProcessor[K comparable, U any] interface {
	// OnTimer is called for each timer, with the key that it was set for as
	// the current one. Timers of one kind fire in the order of their times.
	OnTimer(ctx *ProcessContext[K, U], at event.Time, kind TimerKind) error
}

// TimerKind is the clock that a timer goes by.
type TimerKind = transform.TimerKind

const (
	// EventTimer fires when the watermark reaches its time, before the
	// watermark is passed on. When the input ends, all of them fire.
	EventTimer = transform.EventTimer
	// ProcessingTimer fires at a time of day or soon after. When the input
	// ends, those that are left are dropped and counted.
	ProcessingTimer = transform.ProcessingTimer
)

// Process calls a function of the user for each record, with states and timers
// of the record's key. make returns the Processor of one subtask. With a
// processor of type *counter:
//
//	clicks.KeyBy("user", (*Click).User).Process("count", func() *counter { return &counter{} })
func (k *Keyed[K, T]) Process[U any, P Processor[K, T, U]](name string, make func() P, options ...Option) *Stream[U] {
	return process[K, T, U](k, name, "process", func() Processor[K, T, U] { return make() }, options)
}

// processNeeds is why results of a process function depend on the order of
// records.
const processNeeds = "handles the records of a key one after the other"

func process[K comparable, T, U any](k *Keyed[K, T], name, kind string, make func() Processor[K, T, U], options []Option) *Stream[U] {
	key, sides := k.key, &sides{}
	n := k.node(name, kind, []event.Type{event.TypeOf[U]()}, func() operator.Operator {
		p := make()
		f := &processor[K, T, U]{program: newProgram[K, U](name, p), p: p}
		return transform.NewProcess[K, T, U](key, f, backends[K](k.stream.job), sides.names)
	}, options)
	n.Order.Needs = processNeeds
	return &Stream[U]{job: k.stream.job, node: n, sides: sides}
}

// processor is what the engine sees of a Processor.
type processor[K comparable, T, U any] struct {
	*program[K, U]
	p Processor[K, T, U]
}

// Process implements transform.Receiver.
func (f *processor[K, T, U]) Process(_ *transform.Scope[K, U], v *T) error {
	return f.p.Process(&f.ctx, v)
}

// OpenContext declares the states of a Processor. A state is known by its name,
// which is unique in the operator and stays the same from one version of the
// program to the next. Mistakes are reported when the job starts.
type OpenContext struct {
	store              *state.Store
	index, parallelism int
}

// Subtask is the index of this instance, and how many there are.
func (c *OpenContext) Subtask() (index, parallelism int) { return c.index, c.parallelism }

// Value declares a state of one value for each key.
func (c *OpenContext) Value[T any](name string, options ...state.Option) *state.Value[T] {
	return state.NewValue[T](c.store, name, options...)
}

// List declares a state of a list for each key.
func (c *OpenContext) List[T any](name string, options ...state.Option) *state.List[T] {
	return state.NewList[T](c.store, name, options...)
}

// Map declares a state of a map for each key.
func (c *OpenContext) Map[K comparable, V any](name string, options ...state.Option) *state.Map[K, V] {
	return state.NewMap[K, V](c.store, name, options...)
}

// Reducing declares a state of one value for each key into which f folds
// others; it begins as the first of them.
func (c *OpenContext) Reducing[T any](name string, f func(acc, v *T), options ...state.Option) *state.Reducing[T] {
	return state.NewReducing(c.store, name, f, options...)
}

// ProcessContext is what a Processor may use in Process and OnTimer. It is
// valid for the call.
type ProcessContext[K comparable, U any] struct {
	s      *transform.Scope[K, U]
	name   string
	timers bool
}

// Key is the current key.
func (c *ProcessContext[K, U]) Key() K { return c.s.Key() }

// EventTime is the event time of the record. In OnTimer it is the time that
// Emit gives: that of an event timer, or the earliest time that is not late.
func (c *ProcessContext[K, U]) EventTime() event.Time { return c.s.Time() }

// Watermark is the current watermark: MinTime when there was none, MaxTime when
// the input has ended.
func (c *ProcessContext[K, U]) Watermark() event.Time { return c.s.Watermark() }

// Now is the processing time.
func (c *ProcessContext[K, U]) Now() time.Time { return c.s.Now() }

// Emit passes a record on with the event time of the current one. It waits
// while the receiver has given no credit.
func (c *ProcessContext[K, U]) Emit(u U) { c.s.Emit(u) }

// EmitAt is Emit with an event time. At or before the watermark it is late.
func (c *ProcessContext[K, U]) EmitAt(u U, t event.Time) { c.s.EmitAt(u, t) }

// EmitSide passes a record to a side output, with the event time of the current
// one. Nothing happens when no stream reads it.
func (c *ProcessContext[K, U]) EmitSide[X any](tag SideTag[X], x X) {
	if o := transform.SideOf[X](c.s, tag.name); o != nil {
		o.Emit(x, c.s.Time())
	}
}

// SetTimer has OnTimer called for the current key at a time: an event time, or
// a time of day as an event.Time. A key has one timer for each kind and time,
// however often it is set. An event timer at or before the watermark fires
// when the watermark moves next.
func (c *ProcessContext[K, U]) SetTimer(kind TimerKind, at event.Time) {
	if !c.timers {
		panic(fmt.Errorf("the processor of %q sets a timer but has no method OnTimer(*ProcessContext[K, U], event.Time, TimerKind) error", c.name))
	}
	c.s.SetTimer(kind, at)
}

// DeleteTimer takes a timer of the current key back. Nothing happens when there
// is none.
func (c *ProcessContext[K, U]) DeleteTimer(kind TimerKind, at event.Time) {
	c.s.DeleteTimer(kind, at)
}

// Count adds to a counter of the operator, which appears in its metrics.
func (c *ProcessContext[K, U]) Count(name string, n int64) { c.s.Count(name, n) }
