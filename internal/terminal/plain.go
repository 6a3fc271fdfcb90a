package terminal

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// LineInterval is the usual time between two lines of Plain.
const LineInterval = 5 * time.Second

// Plain writes what a job does as lines, for a log: one each interval, and one
// at once for each event (a change of state, a restart, a bottleneck that
// begins or ends, a checkpoint that fails, the first dead letters of an interval).
// It returns when ctx ends, after a last look, or at the first error of writing.
// Times are in the time zone of the snapshots.
func Plain(ctx context.Context, w io.Writer, sampler *metric.Sampler, interval time.Duration) error {
	tick := time.NewTicker(min(metric.SampleInterval, interval))
	defer tick.Stop()
	p := plain{interval: interval}
	for {
		select {
		case <-ctx.Done():
			return p.look(w, sampler)
		case <-tick.C:
			if err := p.look(w, sampler); err != nil {
				return err
			}
		}
	}
}

// plain remembers what the log has told.
type plain struct {
	interval time.Duration
	last     time.Time // of the last regular line
	state    string
	restarts int
	restored time.Time // when the job last went on from a checkpoint, as told
	failed   int64     // checkpoints
	dead     int64
	finding  diagnosis.Finding // zero for none
}

func (p *plain) look(w io.Writer, sampler *metric.Sampler) error {
	job, rates := sampler.Current()
	if job == nil {
		return nil
	}
	for _, l := range p.lines(job, rates, findingOf(sampler.Samples(), job)) {
		if _, err := io.WriteString(w, job.At.Format("15:04:05")+" "+l+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// lines returns the events since the last look, and the regular line when it
// is due. The finding is nil when nothing limits the job.
func (p *plain) lines(job *metric.Job, rates metric.Rates, finding *diagnosis.Finding) []string {
	var lines []string
	tell := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if p.last.IsZero() {
		p.last = job.At
	}
	due := job.At.Sub(p.last) >= p.interval
	if job.State != p.state {
		p.state = job.State
		// The error of a failed job is its command's to print.
		tell("%s: %s", printable(job.Name), job.State)
	}
	if job.Restarts != p.restarts {
		p.restarts = job.Restarts
		tell("%s: restarted, %d in all", printable(job.Name), job.Restarts)
	}
	if c := job.Checkpoints; c != nil {
		if r := c.Restored; r != nil && !r.At.Equal(p.restored) {
			p.restored = r.At
			tell("%s: goes on from %s %d, taken %s", printable(job.Name), r.Kind, r.ID, r.Taken.In(job.At.Location()).Format("2006-01-02 15:04:05"))
		}
		if c.Failed > p.failed && c.Failure != "" {
			p.failed = c.Failed
			tell("a checkpoint has failed, %d in all: %s", c.Failed, printable(c.Failure))
		}
	}
	var f diagnosis.Finding
	if finding != nil {
		f = *finding
	}
	if f.Operator != p.finding.Operator || f.Cause != p.finding.Cause {
		if finding != nil {
			tell("%s; %s -> %s", headline(f), printable(f.Evidence), printable(f.Remedy))
		} else {
			tell("bottleneck gone: %s", printable(p.finding.Where()))
		}
		p.finding = f
	}
	if dead := totalsOf(job).deadLettered; due && dead > p.dead {
		tell("%s more dead letters, %s in all", metric.FormatCount(float64(dead-p.dead)), metric.FormatCount(float64(dead)))
		p.dead = dead
	}
	if due {
		p.last = job.At
		lines = append(lines, Line(job, rates, finding))
	}
	return lines
}

// Line says in one line what a job does: records in from its sources and out
// to its sinks, lag, watermark delay, last checkpoint, bytes in flight, progress,
// bottleneck. The finding is nil when nothing limits the job.
func Line(job *metric.Job, rates metric.Rates, finding *diagnosis.Finding) string {
	var in, out float64
	lag, watermark := -1.0, event.MaxTime
	for i := range rates.Operators {
		o := &rates.Operators[i]
		switch o.Operator.Kind {
		case "source":
			in += o.Out
		case "sink":
			out += o.In
			watermark = min(watermark, watermarkOf(&o.Operator))
		}
		if o.Lag >= 0 {
			lag = max(lag, 0) + o.Lag
		}
	}
	s := fmt.Sprintf("in %s/s out %s/s", metric.FormatCount(in), metric.FormatCount(out))
	if lag >= 0 {
		s += " lag " + metric.FormatCount(lag)
	}
	if watermark != event.MinTime && watermark != event.MaxTime {
		s += " delay " + delayOf(watermark, job.At)
	}
	if c := job.Checkpoints; c != nil && c.Last != nil {
		s += fmt.Sprintf(" checkpoint %s ago (%s, %s)", duration(job.At.Sub(c.Last.Ended)), duration(c.Last.Duration), metric.FormatBytes(c.Last.Bytes))
	}
	s += fmt.Sprintf(" in flight %s of %s", metric.FormatBytes(job.InFlightBytes), metric.FormatBytes(job.BoundBytes))
	if p, ok := progressOf(job); ok {
		s += fmt.Sprintf(" done %.0f %%", 100*p.share)
		if p.left > 0 {
			s += ", " + duration(p.left.Round(time.Second)) + " left"
		}
	}
	if finding != nil {
		return s + fmt.Sprintf(" bottleneck %s (%s)", printable(finding.Where()), finding.Cause)
	}
	return s + " bottleneck none"
}
