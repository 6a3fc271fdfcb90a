package connector

import (
	"context"

	"github.com/affluxdev/afflux/event"
)

// Sink describes an output of a job. It is immutable.
type Sink[T any] interface {
	// Describe tells the planner and the user about the sink. It does no I/O.
	Describe() Description
	// Open returns the writer of one subtask.
	Open(ctx context.Context, sub Subtask) (Writer[T], error)
}

// Writer delivers the records of one subtask. Its methods are called by one
// goroutine at a time.
type Writer[T any] interface {
	// Write takes records from index from on and returns how many it took.
	// Fewer than all means that the outside system presses: the engine calls
	// Write again with the rest after Subtask.Wake. It must not keep
	// references to b. An error fails the job; a record that can never be
	// written goes to Subtask.Reject and counts as taken.
	Write(b *event.Records[T], from int) (int, error)
	// Flush returns when every record taken is durable, or says why not.
	// The engine calls it at the end of input and before a commit; Flush may
	// wait.
	Flush(ctx context.Context) error
	// Close ends the writer. After a Flush without error it makes the output
	// final (a file gets its name); without one, or after an error, it leaves
	// no partial output that looks complete.
	Close() error
}
