package metric

import "time"

// Checkpoints is what is known of the checkpoints of a job, over all of its
// attempts. Savepoints are counted too.
type Checkpoints struct {
	// Interval is from the beginning of one to that of the next, 0 if they are
	// taken on demand only.
	Interval time.Duration `json:"interval_ns,omitempty"`
	// Completed and Failed only grow; InProgress is 0 or 1.
	Completed  int64 `json:"completed"`
	Failed     int64 `json:"failed"`
	InProgress int64 `json:"in_progress"`
	// Last is the newest that is complete, nil while there is none.
	Last *Checkpoint `json:"last,omitempty"`
	// FailedSince counts those that have failed after Last, and Failure says
	// what was wrong with the newest of them.
	FailedSince int64  `json:"failed_since_last"`
	Failure     string `json:"failure,omitempty"`
	// Restored is what the job has gone on from, nil if it began afresh.
	Restored *Restored `json:"restored,omitempty"`
}

// Checkpoint is one that is complete.
type Checkpoint struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"` // checkpoint or savepoint
	// Began and Ended are when the barrier was sent, and when everything was
	// stored and committed.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Duration is the time between them.
	Duration time.Duration `json:"duration_ns"`
	// Bytes is what was written for it, without files shared with an earlier
	// one; InFlight the part of it that are records which barriers overtook.
	Bytes    int64 `json:"bytes"`
	InFlight int64 `json:"in_flight_bytes"`
	// The largest among the subtasks: the time until the barrier came, the wait for
	// other channels, the stop for the snapshot, and the time to store it.
	MaxStartDelay time.Duration `json:"max_start_delay_ns"`
	MaxAlignment  time.Duration `json:"max_alignment_ns"`
	MaxSync       time.Duration `json:"max_sync_ns"`
	MaxAsync      time.Duration `json:"max_async_ns"`
}

// Restored is a checkpoint that a job has gone on from.
type Restored struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"` // checkpoint or savepoint
	// Taken is when the checkpoint began, At when the job had gone on from it,
	// and Duration how long finding and reading it took.
	Taken    time.Time     `json:"taken"`
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration_ns"`
}

// Barrier is the part of a subtask in the last complete checkpoint.
type Barrier struct {
	// StartDelay is the time from the beginning of the checkpoint until the task
	// heard of it, Alignment how long it waited for its other channels.
	StartDelay time.Duration `json:"start_delay_ns"`
	Alignment  time.Duration `json:"alignment_ns"`
}
