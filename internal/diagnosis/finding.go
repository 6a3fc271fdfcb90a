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
	// Remedy is what to change, and what will not help.
	Remedy string `json:"remedy"`
}
