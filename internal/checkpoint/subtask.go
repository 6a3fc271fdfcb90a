package checkpoint

import (
	"fmt"
	"time"
)

// Task is a chain of operators that runs as a number of subtasks.
type Task struct {
	Name string
	// Parallelism is the number of subtasks, 1 or more.
	Parallelism int
	// Operators are the stable names of the operators in the chain.
	Operators []string
	// Inputs are the tasks that send to this one; none for a source.
	Inputs []Input
}

// Input says where a task receives from.
type Input struct {
	Task string
	// Forward tells that each subtask receives only from that with the same
	// index; otherwise each receives from all.
	Forward bool
}

// Subtask names one subtask of a task.
type Subtask struct {
	Task  string
	Index int
}

// String is the task and the index, as in "count/2".
func (s Subtask) String() string { return fmt.Sprintf("%s/%d", s.Task, s.Index) }

// Metrics is what a subtask measured in its part of a checkpoint.
type Metrics struct {
	// StartDelay is the time from the beginning of the checkpoint to the first
	// that the subtask heard of it; Alignment how long it waited for the
	// barrier on its other channels.
	StartDelay, Alignment time.Duration
	// Sync is how long the subtask stood still for the snapshot; Async how long
	// it took to store it meanwhile.
	Sync, Async time.Duration
	// Bytes is what was written; InFlight the part of it that are records that
	// the barrier overtook.
	Bytes, InFlight int64
}

// Acknowledgement says that a subtask's part of a checkpoint is stored. A
// subtask sends it at most once for a checkpoint, and nothing after it.
type Acknowledgement struct {
	Subtask Subtask
	ID      int64
	// Ended says that the subtask took its snapshot after all of its outputs had
	// ended: it has brought the barrier to nobody.
	Ended bool
	// Part belongs to the coordinator from now on. Files that were written for
	// this checkpoint carry its id; others must be shared with a complete
	// checkpoint, and a savepoint has none of those.
	Part    Part
	Metrics Metrics
}

// Decline says that a subtask cannot take part in a checkpoint.
type Decline struct {
	Subtask Subtask
	ID      int64
	Reason  string
	// Cause is the error that Reason tells of, for whoever runs the job.
	Cause error
	// Files that were written for it, to be deleted.
	Files []File
}
