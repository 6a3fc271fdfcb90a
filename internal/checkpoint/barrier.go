package checkpoint

import "github.com/affluxdev/afflux/event"

// Kind tells what a snapshot is for.
type Kind = event.BarrierKind

// The kinds.
const (
	Checkpoint = event.Checkpoint
	Savepoint  = event.Savepoint
)

// Barrier is what the coordinator sends through the streams.
type Barrier = event.Barrier
