package diagnosis

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// again is how many restarts there must have been for one more to be a habit.
	again = 3
	// young is the age of a run in which the next failure may be near.
	young = 2 * time.Minute
)

// restarts is the finding that a job fails again and again, or has failed for
// good.
func restarts(now *metric.Job) (Finding, bool) {
	f := Finding{Subtask: -1, Cause: Failing, Severity: Critical, Evidence: now.Error}
	f.Avoid = "more attempts of Restart: the reason stays"
	f.Remedy = "see to what the error and the log name; a record that a function refuses can be kept aside with OnError(DeadLetter) (in YAML on_error: dead_letter)"
	switch {
	case now.State == "failed":
		if f.Evidence == "" {
			f.Evidence = "the job has ended with an error"
		}
		return f, true
	case now.Restarts < again:
		return f, false
	case now.State == "restarting":
		f.Evidence = fmt.Sprintf("restarting, %d times so far", now.Restarts)
		return f, true
	}
	age := time.Duration(-1)
	for i := range now.Operators {
		for k := range now.Operators[i].Subtasks {
			age = max(age, now.Operators[i].Subtasks[k].Wall)
		}
	}
	if age < 0 || age >= young || now.State != "running" {
		return f, false
	}
	f.Severity = Warning
	f.Evidence = fmt.Sprintf("has failed and restarted %d times, the last time %s ago", now.Restarts, spanOf(age.Seconds()))
	return f, true
}
