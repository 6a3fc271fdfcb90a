package event

// Partition is how an edge spreads records over the receiving subtasks.
type Partition uint8

const (
	// Forward sends the records of subtask i to subtask i.
	Forward Partition = iota
	// Hash sends a record to the subtask that owns its key group.
	Hash
	// Rebalance deals records out in turn.
	Rebalance
	// Broadcast sends every record to every subtask.
	Broadcast
	// Custom asks a function of the user.
	Custom
)

// String names the partition as it appears in snapshots.
func (p Partition) String() string {
	return [...]string{"forward", "hash", "rebalance", "broadcast", "custom"}[p]
}

// Router chooses destinations: it sets sel[i], from 0 to n-1, for each record
// i of b.
type Router func(b Batch, sel []int32, n int) error
