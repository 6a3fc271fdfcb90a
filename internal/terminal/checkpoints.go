package terminal

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/metric"
)

// checkpoints tells of the last one, in one line; of failures first.
func (f *frame) checkpoints() string {
	c := f.job.Checkpoints
	if c.FailedSince > 0 {
		return f.brush.paint(yellow, cut("checkpoints: "+failing(f.job, c), f.width))
	}
	line := "checkpoints: " + lastCheckpoint(f.job, c)
	if c.Failed > 0 {
		line += fmt.Sprintf("; %s failed", metric.FormatCount(float64(c.Failed)))
	}
	return cut(line, f.width)
}

// failing is "2 failed since the last, 3s ago: " and why.
func failing(job *metric.Job, c *metric.Checkpoints) string {
	s := metric.FormatCount(float64(c.FailedSince)) + " failed"
	if c.Last != nil {
		s += fmt.Sprintf(" since the last, %s ago", duration(job.At.Sub(c.Last.Ended)))
	} else {
		s += ", none is complete"
	}
	return s + ": " + printable(c.Failure)
}

// lastCheckpoint is "412 complete, the last 3s ago: 85ms, 4.5 MiB".
func lastCheckpoint(job *metric.Job, c *metric.Checkpoints) string {
	if c.Last == nil {
		switch {
		case c.InProgress > 0:
			return "the first is under way"
		case c.Restored != nil:
			return fmt.Sprintf("none yet, restored from %s %d", c.Restored.Kind, c.Restored.ID)
		}
		return "none yet"
	}
	s := fmt.Sprintf("%s complete, the last %s ago: %s, %s", metric.FormatCount(float64(c.Completed)),
		duration(job.At.Sub(c.Last.Ended)), duration(c.Last.Duration), metric.FormatBytes(c.Last.Bytes))
	if c.Last.InFlight > 0 {
		s += fmt.Sprintf(" (%s in flight)", metric.FormatBytes(c.Last.InFlight))
	}
	return s
}
