package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// hopeless is how many checkpoints in a row must fail for the job to be in
	// danger: a failure would throw it far back.
	hopeless = 3
	// nearInterval is the part of the interval that a checkpoint takes at least to
	// be too long.
	nearInterval = 0.80
	// overdue is how many intervals the last complete one may be old.
	overdue = 3
	// longAlignment is how long barriers may be on their way before it is told.
	longAlignment = 2 * time.Second
	// firstOnWay is the part of the longest way of a barrier from which on a
	// subtask is where it is held up.
	firstOnWay = 0.95
)

// checkpoints are the findings about the checkpoints of a job. That they fail is a
// state, which one sample tells; one that is slow is none yet, unless there is no
// other.
//
// Barriers wait behind the records that a bottleneck does not take: who holds them
// up is its operator, if there is one.
func checkpoints(samples []*metric.Job, bottleneck string) []Finding {
	now := samples[len(samples)-1]
	c := now.Checkpoints
	if c == nil {
		return nil
	}
	f := Finding{Subtask: -1, Cause: Checkpoint, Severity: Warning}
	f.Avoid = "turning checkpoints off, or taking them more often"
	switch {
	case c.FailedSince > 0:
		failing(&f, now)
	case c.Interval <= 0:
		return nil
	case c.InProgress > 0 && age(now) > overdue*c.Interval:
		f.Evidence = fmt.Sprintf("one is under way, and the last complete one is %s old, at an interval of %s", spanOf(age(now).Seconds()), spanOf(c.Interval.Seconds()))
		f.Operator = bottleneck
		f.Remedy = "see which tasks have not acknowledged it (/api/v1/checkpoints) and whether the store answers"
	case c.Last != nil && tooLong(c, c.Last) && tooLong(c, earlier(samples)):
		slow(&f, now, bottleneck)
	default:
		return nil
	}
	return []Finding{f}
}

// tooLong tells that a checkpoint takes up the time between two, or that its
// barriers are long on their way. One that is not known is.
func tooLong(c *metric.Checkpoints, one *metric.Checkpoint) bool {
	if one == nil {
		return true
	}
	way := max(one.MaxStartDelay, one.MaxAlignment)
	return float64(one.Duration) >= nearInterval*float64(c.Interval) || way >= longAlignment && way >= c.Interval/5
}

// earlier is the checkpoint before the last, nil if no sample has it.
func earlier(samples []*metric.Job) *metric.Checkpoint {
	last := samples[len(samples)-1].Checkpoints.Last
	for i := len(samples) - 2; i >= 0; i-- {
		if c := samples[i].Checkpoints; c != nil && c.Last != nil && c.Last.ID != last.ID {
			return c.Last
		}
	}
	return nil
}

// age is how long ago the last complete checkpoint began, or the run, if that was
// later.
func age(now *metric.Job) time.Duration {
	since := now.Started
	if c := now.Checkpoints; c.Last != nil {
		since = c.Last.Began
	}
	if r := now.Checkpoints.Restored; r != nil && r.At.After(since) {
		since = r.At
	}
	return now.At.Sub(since)
}

func failing(f *Finding, now *metric.Job) {
	c := now.Checkpoints
	if c.FailedSince >= hopeless {
		f.Severity = Critical
	}
	if c.Last != nil {
		f.Evidence = fmt.Sprintf("%d failed since the last complete one, which is %s old", c.FailedSince, spanOf(age(now).Seconds()))
	} else {
		f.Evidence = fmt.Sprintf("%d failed, and none is complete: a failure would begin anew", c.FailedSince)
	}
	if c.Failure != "" {
		f.Evidence = sentence(f.Evidence, c.Failure)
	}
	for i := range now.Operators {
		name := now.Operators[i].Name
		if len(name) > len(f.Operator) && (strings.Contains(c.Failure, name+"/") || strings.Contains(c.Failure, fmt.Sprintf("%q", name))) {
			f.Operator = name
		}
	}
	f.Remedy = "see to what the reason names: the place of the checkpoints (room, rights, reachable) or the operator; " +
		"if they only take too long, raise CheckpointTimeout (in YAML checkpoints.timeout)"
	f.Avoid = "TolerateFailed(Unlimited): it hides that a restart would go far back"
}

// slow says where the time of a checkpoint goes.
func slow(f *Finding, now *metric.Job, bottleneck string) {
	last := now.Checkpoints.Last
	way := max(last.MaxStartDelay, last.MaxAlignment)
	f.Evidence = fmt.Sprintf("the last took %s at an interval of %s: barriers up to %s on their way, %s to align, tasks stood still for up to %s, and storing took up to %s",
		spanOf(last.Duration.Seconds()), spanOf(now.Checkpoints.Interval.Seconds()), spanOf(last.MaxStartDelay.Seconds()), spanOf(last.MaxAlignment.Seconds()),
		spanOf(last.MaxSync.Seconds()), spanOf(last.MaxAsync.Seconds()))
	switch {
	case way >= last.MaxSync && way >= last.MaxAsync && way > 0:
		if f.Operator = bottleneck; bottleneck == "" {
			f.Operator = farthest(now)
		}
		f.Remedy = "let barriers overtake records: UnalignedAfter(0) or its default of 100 ms (in YAML checkpoints.unaligned_after); and see what presses the job, since barriers wait behind records"
		f.Avoid = "larger buffers: barriers would wait behind more records"
	case last.MaxSync >= last.MaxAsync && last.MaxSync > 0:
		f.Operator = largestState(now)
		f.Remedy = "make what Snapshot does at once smaller, or keep the state in one of the engine's, which are frozen at once and written later; raise Every (in YAML checkpoints.every)"
	default:
		f.Operator = largestState(now)
		f.Remedy = fmt.Sprintf("raise Every (in YAML checkpoints.every), use a faster store, or keep less state; StateOnDisk stores only what has changed (the last wrote %s)", metric.FormatBytes(last.Bytes))
	}
}

// farthest is the first operator on the way of the barriers at which they came
// almost as late as anywhere: they were held up right before it. "" if nothing is
// known of them.
func farthest(now *metric.Job) string {
	longest := func(o *metric.Operator) (d time.Duration) {
		for i := range o.Subtasks {
			if b := o.Subtasks[i].Barrier; b != nil {
				d = max(d, b.StartDelay, b.Alignment)
			}
		}
		return d
	}
	var most time.Duration
	for i := range now.Operators {
		most = max(most, longest(&now.Operators[i]))
	}
	for i := range now.Operators {
		if d := longest(&now.Operators[i]); most > 0 && float64(d) >= firstOnWay*float64(most) {
			return now.Operators[i].Name
		}
	}
	return ""
}

// largestState is the operator with most bytes of state, "" if none tells.
func largestState(now *metric.Job) (name string) {
	most := 0.0
	for i := range now.Operators {
		sum := 0.0
		for j := range now.Operators[i].Subtasks {
			for _, g := range now.Operators[i].Subtasks[j].Gauges {
				if g.Name == "state_bytes" && finite(g.Value) {
					sum += g.Value
				}
			}
		}
		if sum > most {
			most, name = sum, now.Operators[i].Name
		}
	}
	return name
}
