package connector

import (
	"context"
	"time"

	"github.com/affluxdev/afflux/event"
)

// Source describes an input of a job. It is immutable: one value may be used
// by several jobs.
type Source[T any] interface {
	// Describe tells the planner and the user about the source. It does no I/O.
	Describe() Description
	// Open returns the reader of one subtask. It may connect and validate; an
	// error ends the job before a record has flowed, so it must say what is
	// wrong, where, and what to do.
	Open(ctx context.Context, sub Subtask) (Reader[T], error)
}

// Description is what a source or sink says of itself.
type Description struct {
	// Kind is the connector: "kafka", "file", "generator".
	Kind string
	// Target is what it reads or writes, for people: a topic, a path.
	Target string
	// MaxParallelism is the largest useful number of subtasks, 0 for any.
	MaxParallelism int
	// Bounded sources end by themselves.
	Bounded bool
	// WritesStdout marks a sink whose records go to standard output, so that
	// nothing else is printed there.
	WritesStdout bool
}

// Reader produces the records of one subtask. All methods but those of the
// optional interfaces are called by one goroutine at a time.
type Reader[T any] interface {
	// Poll appends records to dst and returns at once: it does not wait for
	// data. It appends at most limit.Records records and stops soon after
	// limit.Bytes bytes; all records of one call belong to one split, named
	// by the status. dst.Times holds a time for each record: the connector's
	// own (the timestamp of a Kafka record) or event.MinTime if it has none.
	//
	// When nothing is at hand it returns Idle and calls Subtask.Wake once
	// there is something (or sets After). Reading a local file counts as
	// being at hand.
	Poll(dst *event.Records[T], limit Limit) (Status, error)
	// Close releases what Open and Poll took. Poll is not called again.
	Close() error
}

// Limit bounds one Poll.
type Limit struct {
	Records int
	Bytes   int64
}

// State is what a Reader says after a Poll.
type State uint8

const (
	// Ready: poll again as soon as there is credit.
	Ready State = iota
	// Idle: nothing at hand; the reader calls Wake, or the engine polls again
	// after Status.After if that is set.
	Idle
	// SplitDone: the split ended with the records of this Poll; poll again.
	SplitDone
	// Done: every split of this reader has ended, with the records of this Poll.
	Done
)

// Status is the result of a Poll.
type Status struct {
	State State
	// Split numbers the split that the records belong to: file, partition,
	// generator shard. The numbers are the reader's own, small, and never
	// used again for another split. Each split has its own watermark.
	Split int
	// After asks for a poll after this time when State is Idle; 0: Wake tells.
	After time.Duration
}

// SplitLister is implemented by readers that know their splits before they
// have records of each: a split that is listed and has had no record yet
// holds the watermark back. Splits is called after Open and again after every
// Poll that returned SplitsChanged from Changed.
type SplitLister interface {
	// Splits returns the numbers of all splits that have not ended; nil, and not
	// an empty list, while it is not known whether there are any.
	Splits() []int
	// SplitsChanged tells whether Splits changed since its last call, other
	// than by SplitDone.
	SplitsChanged() bool
}

// Committer is implemented by readers that can tell the outside system how
// far the job has come, for people to see: recovery does not rely on it.
type Committer interface {
	// Commit is called with the positions of the reader at a checkpoint when that
	// is complete, and with nil when the job has drained: all records that were
	// polled have been delivered by every sink. It may be called by another
	// goroutine, during Poll, by one at a time.
	Commit(ctx context.Context, at []Split) error
}

// Pauser is implemented by readers that hold records of their own while the
// engine does not poll, like a Kafka client that fetches ahead. Pressed tells
// them that pressure began (true) or ended: they keep heartbeats going and
// stop fetching.
type Pauser interface{ Pressed(bool) }

// Progress is implemented by readers of bounded input. It may be called from
// any goroutine.
type Progress interface {
	// Progress returns how much is done of how much in all, in the same unit;
	// total is 0 while it is unknown.
	Progress() (done, total int64)
}

// Measured is implemented by readers and writers whose numbers change while the
// engine does not call them, like a backlog that grows under pressure.
type Measured interface {
	// Measure calls gauge, as Subtask.Gauge, with each number as it is now. It
	// is called when somebody looks, from any goroutine, until the subtask ends.
	Measure(gauge func(name string, value float64, labels ...string))
}

// Buffered is implemented by readers and writers that hold records outside of
// the engine's channels: a Kafka client's fetch and produce buffers. It may be
// called from any goroutine.
type Buffered interface {
	// Buffered returns the bytes held now and the most that will ever be held.
	Buffered() (bytes, bound int64)
}
