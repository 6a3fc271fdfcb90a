// Package diagnosis reads snapshots of a job and says in words what holds it
// up, by how much, and what to do. It is pure: the same snapshots give the
// same findings, and it acts on nothing.
package diagnosis

import "fmt"

// Cause is the reason why an operator limits a job.
type Cause string

// Causes. docs/diagnosis.md says how each is recognised.
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
	// Lag: a source works off what it has not read yet.
	Lag Cause = "lag"
	// Failing: the job fails again and again, or has failed.
	Failing Cause = "failing"
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
	case State:
		return "busy with its state"
	case Splits:
		return "fewer splits than subtasks"
	case GC:
		return "collecting garbage"
	case Checkpoint:
		return "checkpoints that fail or take too long"
	case Branch:
		return "one slow branch holds up the others"
	case Starved:
		return "nothing to read"
	case Lag:
		return "working off its lag"
	case Failing:
		return "failing"
	case Retention:
		return "data will be deleted before it is read"
	}
	return string(c)
}

// Finding is one thing that holds a job up.
type Finding struct {
	// Operator is the name of the guilty operator, "" when the whole process is.
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

// Where names the operator, the subtask if it is one of them, or the process.
func (f Finding) Where() string {
	switch {
	case f.Operator == "":
		return "the process"
	case f.Subtask >= 0:
		return fmt.Sprintf("%s (subtask %d)", f.Operator, f.Subtask)
	}
	return f.Operator
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
	// Seconds is the time that the samples span. With less than EnoughSeconds,
	// what goes by rates is not looked for.
	Seconds float64 `json:"seconds"`
	// Healthy tells that no finding is more than a Note.
	Healthy bool `json:"healthy"`
	// Findings come with the worst first.
	Findings []Finding `json:"findings"`
}

// Bottleneck is the worst finding but for those that tell only that a source has
// nothing to read or catches up, or that the job fails, and false when there is
// none. It may be a Note: then something limits the job, and that does not matter to
// its input.
func (r Report) Bottleneck() (Finding, bool) {
	for _, f := range r.Findings {
		if f.Cause != Lag && f.Cause != Starved && f.Cause != Failing {
			return f, true
		}
	}
	return Finding{}, false
}

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 0
	case Warning:
		return 1
	}
	return 2
}
