package connector

import (
	"log/slog"

	"github.com/affluxdev/afflux/event"
)

// Subtask tells a Reader or Writer which part of the work is its own and how
// to reach the engine. The functions may be called from any goroutine until
// Close returns.
type Subtask struct {
	// Operator is the name of the source or sink in the job.
	Operator string
	// Index counts from 0 to Parallelism-1.
	Index, Parallelism int
	// Wake makes the engine poll (or write) again soon. It never blocks.
	Wake func()
	// Reject hands over input that could not become a record. What happens is
	// the choice of the user on that operator: it is kept in the dead-letter
	// sink, skipped and counted, or fails the job. Reject may be called only
	// from within Poll or Write. An error that it returns must be returned by
	// Poll or Write.
	Reject func(Rejected) error
	// Gauge publishes a number under the operator's metrics, like the lag of
	// a partition; labels are name and value in turn. The engine keeps at
	// most 4 096 series for each operator. It may be called at any time;
	// labels with the same values replace the number.
	Gauge func(name string, value float64, labels ...string)
	// Job is the name of the job.
	Job string
	// Resume says where a reader goes on; nil when the job starts afresh. For
	// readers only.
	Resume *Resume
	// Checkpoints says that the engine takes checkpoints: a writer that is a
	// Preparer is asked to prepare and commit. Without it, Flush and Close make the
	// output complete. For writers only.
	Checkpoints bool
	// Log is for rare events: a rebalance, a file skipped.
	Log *slog.Logger
}

// Rejected is input that could not become a record.
type Rejected struct {
	// Reason says what is wrong, in words for the user.
	Reason error
	// Origin is where the input stands: file:line, or topic/partition/offset.
	Origin string
	// Payload is the raw input, cut to 64 KiB.
	Payload []byte
	// Time is the event time if it is known, else event.MinTime.
	Time event.Time
}

// MaxPayload is the number of bytes of a rejected input that are kept.
const MaxPayload = 64 << 10
