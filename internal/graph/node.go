// Package graph turns what the user wrote, the logical plan, into what runs,
// the physical plan: which operators are fused, how many subtasks each task
// has, and which channels join them. It is pure.
package graph

import (
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// Node is one operator of the logical plan. Exactly one of Source, Sink and
// Operator is set.
type Node struct {
	// ID is the index in the plan: a node comes after its inputs.
	ID int
	// Name is unique in the job; state and metrics are found by it.
	Name string
	// Kind is source, map, filter, window, async, sink ..., for people.
	Kind string
	// Parallelism asked for, 0 for the default.
	Parallelism int
	// Unchained keeps the node out of the task of its input.
	Unchained bool
	// Keyed nodes take the job's parallelism by default; others that of their input.
	Keyed bool
	// NeedsWatermarks nodes make no sense on a stream without event time.
	NeedsWatermarks bool
	// OnError is what happens with a refused record.
	OnError operator.OnError
	// Order is what the node does to the order of records, and needs of it.
	Order Order

	Inputs []Input
	// Outputs are the record types of the outputs: 0 is the main one.
	Outputs []event.Type
	// Optional outputs may stay unread: what goes there is counted and
	// dropped, like late records.
	Optional []int
	// Letters is the output that carries dead letters, -1 if there is none.
	Letters int

	Source connector.SourceDriver
	Sink   connector.SinkDriver
	// Operator makes the operator of one subtask.
	Operator func() operator.Operator
	// EventTime is set on sources and on operators that assign event times.
	EventTime *EventTime
	// Align is set on sources that wait for others.
	Align *Alignment
	// Combine can fold records into partial results ahead of the only input.
	Combine *Combiner
	// PreAggregate says whether it does.
	PreAggregate PreAggregation
}

// Input is an arrow that ends at a node.
type Input struct {
	// From and Output name the sending node and which of its outputs.
	From, Output int
	// Port numbers the inputs of a node that tells them apart.
	Port      int
	Partition event.Partition
	// Hasher fills the key hashes; Hash only.
	Hasher func(event.Batch)
	// KeyText formats the key of a record of a batch, for people; Hash only, nil
	// where keys are not tracked.
	KeyText func(b event.Batch, i int) string
	// Router chooses destinations; Custom only.
	Router event.Router
}

// EventTime says how records get event times, and watermarks follow.
type EventTime struct {
	// Assign overwrites the event times of a batch; nil keeps the connector's.
	Assign func(event.Batch)
	// Bound is the out-of-orderness: the watermark stays that far behind the
	// largest event time seen of each split.
	Bound time.Duration
	// Idle is how long a split may have nothing at hand before it stops
	// holding the watermark back; 0: for ever.
	Idle time.Duration
	// Generate makes the watermarks of a split, in place of Bound, if it is set.
	Generate func() operator.WatermarkGenerator
	// Period is how often a generator is asked without a record; 0: never.
	Period time.Duration
}

// Alignment keeps the sources of a group together in event time.
type Alignment struct {
	Group string
	// Drift is how far ahead of the slowest a source may read.
	Drift time.Duration
}
