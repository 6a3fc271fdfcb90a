package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// Summary is what a job did from its start to the snapshot. Its JSON form is
// what --json prints.
type Summary struct {
	Job   string `json:"job"`
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Seconds is the time from the start to the snapshot.
	Seconds float64 `json:"duration_seconds"`
	// RecordsRead sums what the sources emitted, RecordsWritten what the sinks
	// took.
	RecordsRead    int64 `json:"records_read"`
	RecordsWritten int64 `json:"records_written"`
	Late           int64 `json:"late"`
	Skipped        int64 `json:"skipped"`
	DeadLettered   int64 `json:"dead_lettered"`
	// Restarts counts restarts after a failure. Records are then those of the last
	// run of the tasks.
	Restarts int `json:"restarts"`
	// Checkpoints is nil if the job takes none.
	Checkpoints *metric.Checkpoints `json:"checkpoints,omitempty"`
	// PeakInFlightBytes is the most sampled, InFlightBoundBytes the ceiling.
	PeakInFlightBytes  int64 `json:"peak_in_flight_bytes"`
	InFlightBoundBytes int64 `json:"in_flight_bound_bytes"`
	// Latencies are those of the paths that were measured.
	Latencies []Path `json:"latencies,omitempty"`
	Sources   []Part `json:"sources"`
	Sinks     []Part `json:"sinks"`
}

// Part is one source or sink of a Summary.
type Part struct {
	Operator string `json:"operator"`
	Outside  string `json:"outside,omitempty"`
	Records  int64  `json:"records"`
}

// Summarize sums up a snapshot, usually the last one of a job.
func Summarize(job *metric.Job) Summary {
	t := totalsOf(job)
	s := Summary{
		Job: job.Name, State: job.State, Error: job.Error,
		Late: t.late, Skipped: t.skipped, DeadLettered: t.deadLettered, Restarts: job.Restarts, Checkpoints: job.Checkpoints,
		PeakInFlightBytes: job.PeakInFlightBytes, InFlightBoundBytes: job.BoundBytes,
		Latencies: pathsOf(job), Sources: []Part{}, Sinks: []Part{},
	}
	if !job.Started.IsZero() {
		s.Seconds = job.At.Sub(job.Started).Seconds()
	}
	for i := range job.Operators {
		o := &job.Operators[i]
		part := Part{Operator: o.Name, Outside: o.Outside}
		switch o.Kind {
		case "source":
			for j := range o.Subtasks {
				part.Records += o.Subtasks[j].RecordsOut
			}
			s.RecordsRead += part.Records
			s.Sources = append(s.Sources, part)
		case "sink":
			for j := range o.Subtasks {
				part.Records += o.Subtasks[j].RecordsIn
			}
			s.RecordsWritten += part.Records
			s.Sinks = append(s.Sinks, part)
		}
	}
	return s
}

// Table writes the summary for people, one line per number.
func (s Summary) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", printable(s.Job), s.State)
	if s.Error != "" {
		fmt.Fprintf(&b, "  error: %s\n", printable(s.Error))
	}
	row := func(name, value, note string) {
		line := fmt.Sprintf("  %-15s %15s  %s", name, value, printable(note))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	rate := func(n int64) string {
		if s.Seconds < 0.001 {
			return ""
		}
		return metric.FormatCount(float64(n)/s.Seconds) + "/s"
	}
	parts := func(ps []Part) {
		if len(ps) < 2 {
			return
		}
		for _, p := range ps {
			row("", metric.FormatWhole(p.Records), strings.TrimSpace(p.Operator+"  "+p.Outside))
		}
	}
	row("records read", metric.FormatWhole(s.RecordsRead), rate(s.RecordsRead))
	parts(s.Sources)
	row("records written", metric.FormatWhole(s.RecordsWritten), rate(s.RecordsWritten))
	parts(s.Sinks)
	row("late", metric.FormatWhole(s.Late), "")
	row("skipped", metric.FormatWhole(s.Skipped), "")
	row("dead-lettered", metric.FormatWhole(s.DeadLettered), "")
	note := ""
	if s.Restarts > 0 {
		note = "records are counted since the last"
	}
	row("restarts", metric.FormatWhole(int64(s.Restarts)), note)
	if c := s.Checkpoints; c != nil {
		note = ""
		if c.Last != nil {
			note = fmt.Sprintf("last: %s %d, %s, %s", c.Last.Kind, c.Last.ID, duration(c.Last.Duration), metric.FormatBytes(c.Last.Bytes))
		}
		row("checkpoints", metric.FormatWhole(c.Completed), note)
		if c.Failed > 0 {
			row("  failed", metric.FormatWhole(c.Failed), c.Failure)
		}
		if r := c.Restored; r != nil {
			row("  restored from", fmt.Sprintf("%s %d", r.Kind, r.ID), "in "+duration(r.Duration))
		}
	}
	row("duration", duration(time.Duration(s.Seconds*float64(time.Second))), "")
	for i, p := range s.Latencies[:min(len(s.Latencies), mostLatencies)] {
		name := ""
		if i == 0 {
			name = "latency p50/p99"
		}
		row(name, short(p.P50)+"/"+short(p.P99), p.name())
	}
	row("peak in flight", metric.FormatBytes(s.PeakInFlightBytes), "of "+metric.FormatBytes(s.InFlightBoundBytes)+" bound")
	return b.String()
}
