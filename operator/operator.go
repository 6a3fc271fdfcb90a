// Package operator is the contract of an operator: the part of a job between
// two arrows, one instance for each subtask.
package operator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// Operator processes the records of one subtask. It is built by a factory,
// owned by one task, and called by one goroutine at a time, in this order:
// Open, then Process and Watermark in the order of the stream, Finish once
// when every input has ended, Close always. It never starts a goroutine of
// its own: Context.Go does.
type Operator interface {
	// Open prepares the operator.
	Open(ctx Context) error
	// Process handles a batch. The batch is valid for the call; its contents
	// may be changed in place and passed on.
	Process(b event.Batch) error
	// Watermark says that no record with an event time at or before t is
	// expected any more. The operator passes it on with Context.Watermark,
	// when everything it has to emit ahead of it has been emitted.
	Watermark(t event.Time) error
	// Finish emits what is left. The watermark has been MaxTime before.
	Finish() error
	// Close releases resources; it is called also after an error.
	Close() error
}

// Waking is implemented by operators that finish work outside of Process: it
// is called by the task's goroutine after Context.Wake, between batches.
type Waking interface{ Woken() error }

// Holding is implemented by operators that owe records without further input,
// or once a watermark comes: calls under way, open windows, event timers. While
// Holding reports true the operator is not idle, even when its inputs are, and
// holds back the watermarks of those that come after.
type Holding interface{ Holding() bool }

// Stateful is implemented by operators that remember something from one batch
// to the next. Every operator that does must implement it: what it does not
// hand over is lost when the job is recovered.
type Stateful interface {
	// Snapshot hands over what the operator remembers. It is called between
	// batches; the operator has passed on everything that it does not remember,
	// and emits nothing. It must be quick: what takes long is captured and
	// written later.
	Snapshot(s state.Snapshot) error
	// Restore takes up what was handed over, by this operator of an earlier
	// attempt of the job, possibly with another parallelism. It is called after
	// Open and before anything else, and emits nothing. Then follows Watermark
	// with the watermark at the snapshot, if there was one: that of the input of
	// the task, so an operator behind one that makes watermarks of its own hears
	// of it later. Where subtasks are merged whose watermarks differed, it is the
	// lowest, and may be lower than what the operator remembers.
	Restore(r state.Restoration) error
}

// Snapshotted is implemented by contexts that know whether snapshots will be
// asked for. An operator that has to prepare for them may look in Open, so that
// its first one is as quick as the next.
type Snapshotted interface{ Snapshots() bool }

// Hurried is implemented by contexts of tasks that take checkpoints. Hurry tells
// an operator that is about to Wait in the middle of a batch whether a barrier has
// to get through: then it takes the rest of the batch into its state, if it can,
// and returns.
type Hurried interface{ Hurry() bool }

// Ported is implemented by operators with several inputs: it is called instead
// of Process, with the number of the input that the batch came by. The
// watermark of such an operator is the lowest of its inputs.
type Ported interface {
	ProcessPort(port int, b event.Batch) error
}

// WatermarkGenerator makes the watermarks of one split, or of one subtask in
// the middle of a stream. There it may implement Stateful. Both methods return
// one, or event.MinTime to say nothing new; a watermark never goes back.
type WatermarkGenerator interface {
	// Batch is called for records with their event times.
	Batch(b event.Batch) event.Time
	// Period is called from time to time.
	Period(now time.Time) event.Time
}

// Output passes records on. Emit waits while the receiver has given no
// credit, which is how pressure travels; if the job is cancelled meanwhile it
// unwinds the calling goroutine by a panic that code of the user must not
// swallow.
type Output interface {
	// Emit passes on the contents of b. After the call b is empty, with
	// capacity to be filled again.
	Emit(b event.Batch)
}

// Flushing is implemented by outputs that lead out of the task.
type Flushing interface {
	// Flush sends what has been emitted, and the watermark, without waiting for
	// more. It may wait like Emit. Few operators need it: a task flushes before
	// it waits, and soon in any case.
	Flush()
}

// Context is what an operator may ask of its task. Only Wake, Now and Go may
// be called from another goroutine than the task's.
type Context interface {
	// Name is the operator's name, unique in the job and stable.
	Name() string
	// Subtask is the index of this instance, and how many there are.
	Subtask() (index, parallelism int)
	// Output is the i-th output: 0 is the main one, then side outputs. It is
	// nil for an output that nobody reads.
	Output(i int) Output
	// Watermark passes a watermark on to every output.
	Watermark(t event.Time)
	// Reject reports a record that a user's function refused. By the policy
	// of the operator the record goes to the dead-letter sink, is skipped and
	// counted (nil is returned), or fails the job (an error is returned that
	// the caller must return).
	Reject(value any, t event.Time, err error) error
	// Wait returns after the next Wake (one that has happened already
	// counts). The time is accounted as waiting for the outside.
	Wait()
	// Sleep returns after d, or earlier after a Wake; accounted like Wait.
	Sleep(d time.Duration)
	// Wake makes the task call Woken soon. It never blocks.
	Wake()
	// WakeAt makes the task call Woken at a time of day, or soon after; a later
	// call replaces the time, the zero time forgets it.
	WakeAt(at time.Time)
	// Go runs f outside of the task. Cancelled by ctx when the job stops at
	// once.
	Go(f func(ctx context.Context))
	// Now is the processing time.
	Now() time.Time
	// Yield lets other tasks run if this one has had the processor for long. It
	// is for work that is not divided into batches, and may unwind like Emit.
	Yield()
	// Count adds to a named counter of the operator, like late records.
	Count(name string, n int64)
	// Gauge sets a named gauge of the operator; labels are pairs of a name and
	// a value.
	Gauge(name string, value float64, labels ...string)
	// BatchCapacity is the number of records of size bytes that a scratch
	// batch of this task should hold.
	BatchCapacity(size int) int
}

// OnError is what happens with a record that a function of the user refuses,
// by an error or a panic.
type OnError uint8

const (
	// Fail ends the job with the error and the operator's name.
	Fail OnError = iota
	// Skip drops the record and counts it.
	Skip
	// DeadLetter keeps the record, with the reason, in the job's dead-letter sink.
	DeadLetter
)

// String names the policy as it is written in a pipeline.
func (p OnError) String() string {
	switch p {
	case Skip:
		return "skip"
	case DeadLetter:
		return "dead_letter"
	}
	return "fail"
}

// ErrCancelled is what a task that is being cancelled unwinds with.
var ErrCancelled = errors.New("cancelled")

// Unwind is the panic value by which a task unwinds from a wait or a failed
// operator further down its chain. Code that recovers panics of the user must
// pass it on.
type Unwind struct{ Err error }

// Panicked describes a recovered panic of code of the user: the value, and the
// place in the code where it happened.
func Panicked(v any) error {
	where := ""
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	seen := false
	for {
		f, more := frames.Next()
		if seen && !strings.HasPrefix(f.Function, "runtime.") {
			where = fmt.Sprintf(" (at %s:%d)", f.File, f.Line)
			break
		}
		if f.Function == "runtime.gopanic" {
			seen = true
		}
		if !more {
			break
		}
	}
	if err, ok := v.(error); ok {
		return fmt.Errorf("panic: %w%s", err, where)
	}
	return fmt.Errorf("panic: %v%s", v, where)
}
