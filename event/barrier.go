package event

import (
	"fmt"
	"time"
)

// BarrierKind tells what a snapshot is for.
type BarrierKind uint8

const (
	// Checkpoint is taken to recover from; it is deleted when enough newer ones
	// are complete, and may share files with others.
	Checkpoint BarrierKind = iota
	// Savepoint is taken for the user: it shares no file, is never deleted by
	// the engine, and its barrier never overtakes records. Otherwise it is like
	// a checkpoint: sinks commit, and it may be recovered from.
	Savepoint
)

// String is the name of the kind, as it is used in paths and messages.
func (k BarrierKind) String() string {
	switch k {
	case Checkpoint:
		return "checkpoint"
	case Savepoint:
		return "savepoint"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Barrier divides the records of a stream into those that belong to a
// checkpoint and those after it (Chandy and Lamport 1985, in the form of Carbone
// et al. 2015). How tasks align is decided once, when the checkpoint begins, and
// travels with the barrier. A barrier is never changed.
type Barrier struct {
	// ID is 1 or more, and larger for each new checkpoint of a job.
	ID   int64
	Kind BarrierKind
	// Time is when the checkpoint began.
	Time time.Time
	// AtLeastOnce lets records pass while a task waits for the barrier on its
	// other channels; after a recovery they come again.
	AtLeastOnce bool
	// UnalignedAfter is the time since Time after which the barrier overtakes
	// records; 0 is at once, negative never. AtLeastOnce makes it never.
	UnalignedAfter time.Duration
}

// Overtakes is when the barrier overtakes records; false if it never does.
func (b Barrier) Overtakes() (time.Time, bool) {
	if b.AtLeastOnce || b.UnalignedAfter < 0 {
		return time.Time{}, false
	}
	return b.Time.Add(b.UnalignedAfter), true
}
