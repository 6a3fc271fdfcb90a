package checkpoint

import (
	"fmt"
	"time"
)

// Action is what an [Alignment] wants done: [Block], [Unblock], [Snapshot],
// [Captured], [Complete] or [Abandon].
type Action interface {
	fmt.Stringer
	action()
}

// Block wants nothing taken from a channel: its barrier has come, and others
// are awaited.
type Block struct{ Channel int }

// Unblock lets channels go on.
type Unblock struct{ Channels []int }

// Snapshot wants the state of the task taken now, between two inputs, and the
// barrier passed on behind all that the task has sent and ahead of all that it
// will send.
type Snapshot struct {
	Barrier Barrier
	// Capture are the channels that the barrier overtakes: what is in them up
	// to the barrier (or their end) belongs into the checkpoint. It is processed
	// all the same, after the snapshot. Empty if aligned.
	Capture []int
	// StartDelay is how long the barrier took from the coordinator to the task;
	// Alignment how long the task waited for it on other channels.
	StartDelay, Alignment time.Duration
}

// Captured says that a channel that was overtaken has nothing more for the
// checkpoint.
type Captured struct {
	ID      int64
	Channel int
}

// Complete says that nothing more belongs to the task's part of a checkpoint:
// once it is stored the task acknowledges it.
type Complete struct{ ID int64 }

// Abandon wants all that was done for a checkpoint dropped: the task declines
// it, unless the coordinator has aborted it. It comes before or after the
// Snapshot, and never after Complete.
type Abandon struct {
	ID     int64
	Reason string
}

func (Block) action()    {}
func (Unblock) action()  {}
func (Snapshot) action() {}
func (Captured) action() {}
func (Complete) action() {}
func (Abandon) action()  {}

func (a Block) String() string   { return fmt.Sprintf("block %d", a.Channel) }
func (a Unblock) String() string { return fmt.Sprintf("unblock %d", a.Channels) }
func (a Snapshot) String() string {
	s := fmt.Sprintf("snapshot %d, start delay %s, alignment %s", a.Barrier.ID, a.StartDelay, a.Alignment)
	if len(a.Capture) > 0 {
		s += fmt.Sprintf(", capture %d", a.Capture)
	}
	return s
}
func (a Captured) String() string { return fmt.Sprintf("captured %d of channel %d", a.ID, a.Channel) }
func (a Complete) String() string { return fmt.Sprintf("complete %d", a.ID) }
func (a Abandon) String() string  { return fmt.Sprintf("abandon %d: %s", a.ID, a.Reason) }
