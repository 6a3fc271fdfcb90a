package metric

import (
	"time"

	"github.com/affluxdev/afflux/event"
)

// Job is everything that is known of a running job at one instant. Counters
// only grow; Between turns two snapshots into rates.
type Job struct {
	Name string `json:"name"`
	// State is created, running, restarting, draining, finished, suspended, failed
	// or cancelled.
	State string `json:"state"`
	// Error is the first error of a failed job, and ErrorRecord the part of it that
	// says which record it was, "" if none does: that is not for everybody.
	Error       string    `json:"error,omitempty"`
	ErrorRecord string    `json:"-"`
	Started     time.Time `json:"started"`
	At          time.Time `json:"at"`
	// Restarts counts restarts after a failure.
	Restarts int `json:"restarts"`
	// Attempt numbers the run of the tasks, whose counters begin anew with each.
	Attempt int `json:"attempt"`
	// Checkpoints is nil if the job takes none.
	Checkpoints *Checkpoints `json:"checkpoints,omitempty"`
	// Operators are in topological order: sources first.
	Operators []Operator `json:"operators"`
	// Edges are the arrows between operators; those inside of a chain have no
	// channels.
	Edges []Edge `json:"edges"`
	// InFlightBytes and BoundBytes sum the channels, the scratch batches and
	// the buffers that connectors report: held now, and the most that can be.
	InFlightBytes int64 `json:"in_flight_bytes"`
	BoundBytes    int64 `json:"in_flight_bound_bytes"`
	// PeakInFlightBytes is the largest value of InFlightBytes sampled so far.
	PeakInFlightBytes int64 `json:"peak_in_flight_bytes"`
	// Process is what the whole process uses.
	Process Process `json:"process"`
	// Latencies are those of the paths from sources to sinks, at most
	// MaxLatencies of them.
	Latencies []Latency `json:"latencies,omitempty"`
}

// Ended tells whether the job will not go on.
func (j *Job) Ended() bool {
	switch j.State {
	case "finished", "suspended", "failed", "cancelled":
		return true
	}
	return false
}

// Operator is one operator with all of its subtasks.
type Operator struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// Kind is source, map, filter, key_by, window, async, sink ...
	Kind string `json:"kind"`
	// Chain numbers the task that the operator runs in: operators with the
	// same number are fused.
	Chain       int       `json:"chain"`
	Parallelism int       `json:"parallelism"`
	Subtasks    []Subtask `json:"subtasks"`
	// Outside describes what a source or sink talks to: "kafka clicks".
	Outside string `json:"outside,omitempty"`
	// Bounded tells of a source that its input ends.
	Bounded bool `json:"bounded,omitempty"`
	// Saltable tells of a window that Salted can divide the records of a key, and
	// Foldable that PreAggregate(true) can fold them ahead of the exchange. Neither is
	// so where it has been asked for already.
	Saltable bool `json:"-"`
	Foldable bool `json:"-"`
}

// Subtask is one instance of an operator. Durations are nanoseconds since the
// start of the job. Busy+Idle+Blocked is the wall time of the task, exactly;
// External is a part of Busy.
type Subtask struct {
	RecordsIn  int64 `json:"records_in"`
	RecordsOut int64 `json:"records_out"`
	BytesIn    int64 `json:"bytes_in"`
	BytesOut   int64 `json:"bytes_out"`
	// Busy is time that the task worked or waited for an outside system.
	Busy time.Duration `json:"busy_ns"`
	// Idle is time that the task waited for input.
	Idle time.Duration `json:"idle_ns"`
	// Blocked is time that the task waited for credit, summed over its edges.
	Blocked time.Duration `json:"blocked_ns"`
	// External is time that this operator waited for an outside system.
	External time.Duration `json:"external_ns"`
	// Own is the sampled estimate of the working time of this operator alone,
	// without the rest of its chain: of Busy, External included.
	Own time.Duration `json:"own_ns"`
	// Wall is the time since the task started.
	Wall time.Duration `json:"wall_ns"`
	// Watermark is the watermark that the operator has reached.
	Watermark event.Time `json:"watermark"`
	// WatermarkIdle tells that all of its inputs, or splits, are idle: it holds
	// no watermark back.
	WatermarkIdle bool `json:"watermark_idle,omitempty"`
	// Late, Skipped and DeadLettered count records; Errors counts failed calls.
	Late         int64 `json:"late"`
	Skipped      int64 `json:"skipped"`
	DeadLettered int64 `json:"dead_lettered"`
	// StateTime is the sampled estimate of the time spent in keyed state, of Own.
	StateTime time.Duration `json:"state_ns,omitempty"`
	// Calls are calls to an outside system in flight, of at most CallLimit.
	Calls     int64 `json:"calls_in_flight,omitempty"`
	CallLimit int64 `json:"call_limit,omitempty"`
	// Splits is how many splits of its input the subtask of a source reads, -1
	// where input has none.
	Splits int64 `json:"splits"`
	// Counters are the operator's own, like retries and throttled calls.
	Counters map[string]int64 `json:"counters,omitempty"`
	// Gauges are the connector's own, like the lag of each partition.
	Gauges []Gauge `json:"gauges,omitempty"`
	// Done and Total tell the progress of bounded input, 0 when unknown.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Buffered and BufferedBound are bytes held outside of the channels.
	Buffered      int64 `json:"buffered_bytes,omitempty"`
	BufferedBound int64 `json:"buffered_bound_bytes,omitempty"`
	// Barrier is the part of the task in the last complete checkpoint, nil while
	// there is none.
	Barrier *Barrier `json:"barrier,omitempty"`
	// State is running or finished.
	State string `json:"state"`
}

// Gauge is a number with labels. The lag of a Kafka partition is "lag" with
// labels topic and partition.
type Gauge struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels,omitempty"` // name, value, name, value ...
	Value  float64  `json:"value"`
}

// Edge is an arrow between two operators.
type Edge struct {
	From int `json:"from"` // operator ID
	To   int `json:"to"`
	// Kind is forward, hash, rebalance, broadcast, custom, or chained when
	// both ends run in one task.
	Kind string `json:"kind"`
	// Blocked is the time that senders waited for credit on this arrow,
	// summed over subtasks.
	Blocked  time.Duration `json:"blocked_ns"`
	Channels []Channel     `json:"channels,omitempty"`
	// HotKeys are the keys with the largest shares of the records of late, at
	// most 8, of a keyed arrow.
	HotKeys []HotKey `json:"hot_keys,omitempty"`
	// Sum is what Totals returns, if whoever took the snapshot has summed already:
	// rates are computed several times of each.
	Sum *Totals `json:"-"`
}

// Totals sum the channels of an arrow.
type Totals struct{ InFlight, Window, Bound, Sent int64 }

// Totals sums the channels.
func (e *Edge) Totals() Totals {
	if e.Sum != nil {
		return *e.Sum
	}
	var t Totals
	for i := range e.Channels {
		c := &e.Channels[i]
		t.InFlight += c.InFlight
		t.Window += c.Window
		t.Bound += c.Bound
		t.Sent += c.Sent
	}
	return t
}

// Channel is one arrow between two subtasks, bounded in bytes.
type Channel struct {
	FromSubtask int `json:"from"`
	ToSubtask   int `json:"to"`
	// InFlight is what was sent and not yet consumed.
	InFlight int64 `json:"in_flight_bytes"`
	// Window is what the receiver allows to be in flight now; Bound is the
	// most that it can ever allow, but for a single batch that is larger.
	Window int64 `json:"window_bytes"`
	Bound  int64 `json:"bound_bytes"`
	// Sent counts bytes since the start.
	Sent int64 `json:"sent_bytes"`
	// Blocked is the time that the sender waited for this channel.
	Blocked time.Duration `json:"blocked_ns"`
}
