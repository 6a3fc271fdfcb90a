// Package diagnosis reads snapshots of a job and says in words what holds it
// up, by how much, and what to do. It is pure: the same snapshots give the
// same findings, and it acts on nothing.
package diagnosis

// Cause is the reason why an operator limits a job.
type Cause string

// Causes, in the order in which they are tried.
const (
	// Throttled: the outside system refuses calls because of their rate.
	Throttled Cause = "throttled"
	// Skew: one subtask is busy and the others are not.
	Skew Cause = "skew"
	// Sink: a sink waits for the system it writes to.
	Sink Cause = "sink"
	// Outside: the operator waits for an outside system.
	Outside Cause = "outside"
	// CPU: the operator's own work takes the time.
	CPU Cause = "cpu"
	// Source: the source falls behind though nothing presses it.
	Source Cause = "source"
	// State: reading and writing keyed state takes the time.
	State Cause = "state"
	// Splits: subtasks of a source have nothing to read, since there are fewer
	// splits than subtasks, while others cannot keep up.
	Splits Cause = "splits"
	// GC: collecting garbage takes the time.
	GC Cause = "gc"
	// Checkpoint: checkpoints fail, or take up the time between them.
	Checkpoint Cause = "checkpoint"
	// Branch: one slow branch holds up its siblings.
	Branch Cause = "branch"
	// Starved: a source has nothing to read.
	Starved Cause = "starved"
	// Retention: data will be deleted before it is read.
	Retention Cause = "retention"
)

// Words says the cause as a part of a sentence after the operator's name.
func (c Cause) Words() string {
	switch c {
	case Throttled:
		return "throttled by an outside system"
	case Skew:
		return "one hot subtask"
	case Sink:
		return "waiting for the system it writes to"
	case Outside:
		return "waiting for an outside system"
	case CPU:
		return "busy with its own work"
	case Source:
		return "reading too slowly"
	}
	return string(c)
}

// Finding is one thing that holds a job up.
type Finding struct {
	// Operator is the name of the guilty operator.
	Operator string `json:"operator"`
	// Subtask is the index of the guilty subtask, -1 for all of them.
	Subtask int   `json:"subtask"`
	Cause   Cause `json:"cause"`
	// Evidence is what was measured, in one sentence.
	Evidence string `json:"evidence"`
	// Remedy is what to change, with the option to change it by.
	Remedy string `json:"remedy"`
	// Avoid is what will not help, or makes it worse.
	Avoid string `json:"avoid,omitempty"`
	// Severity orders findings.
	Severity Severity `json:"severity"`
}

// Severity tells how much a finding matters.
type Severity string

const (
	// Critical: data or the job will be lost.
	Critical Severity = "critical"
	// Warning: the job is slower than its input.
	Warning Severity = "warning"
	// Note: worth knowing of a job that is well.
	Note Severity = "note"
)

// Report is what is found out about a job.
type Report struct {
	// Healthy tells that no finding is more than a Note.
	Healthy bool `json:"healthy"`
	// Findings come with the worst first.
	Findings []Finding `json:"findings"`
}
