// Package terminal shows a running job to people: a live table on a terminal,
// plain lines elsewhere, and a summary at the end. What is shown is computed
// by pure functions of a snapshot; thin loops put it on the screen.
package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// Render draws one frame of the live view: lines of at most width cells, at
// most height of them, each ended by a newline. The finding is nil when
// nothing limits the job. Operators that do not fit the height are left out,
// and counted.
func Render(job *metric.Job, rates metric.Rates, finding *diagnosis.Finding, width, height int, colour bool) string {
	width, height = max(width, 20), max(height, 4)
	f := &frame{job: job, rates: rates, width: width, brush: brush(colour)}
	head := f.header()
	foot := f.footer(finding)
	// On a low terminal the table comes before the details of a finding.
	room := height - len(head)
	table := min(len(f.rates.Operators)+1, max(room/2, room-len(foot)))
	foot = foot[:min(len(foot), room-table)]
	lines := append(head, f.table(table, finding)...)
	return strings.Join(append(lines, foot...), "\n") + "\n"
}

// frame is one drawing in progress.
type frame struct {
	job   *metric.Job
	rates metric.Rates
	width int
	brush brush
}

// header names the job, and explains the bar where there is room.
func (f *frame) header() []string {
	name := cut(printable(f.job.Name), f.width*2/3)
	rest := "  " + f.job.State
	if !f.job.Started.IsZero() {
		verb := "up"
		if f.job.Ended() {
			verb = "ran"
		}
		rest += "  " + verb + " " + duration(f.job.At.Sub(f.job.Started))
	}
	rest = cut(rest, f.width-cells.StringWidth(name))
	used := cells.StringWidth(name + rest)
	line := f.brush.paint(bold, name) + rest
	if pad := f.width - used - legendWidth(); pad >= 3 {
		line += strings.Repeat(" ", pad) + f.brush.legend()
	}
	return []string{line, ""}
}

// footer has the totals, the progress of bounded input, and what is wrong.
func (f *frame) footer(finding *diagnosis.Finding) []string {
	lines := []string{"", f.totals()}
	if f.job.Checkpoints != nil {
		lines = append(lines, f.checkpoints())
	}
	if len(f.job.Latencies) > 0 {
		lines = append(lines, f.latencies())
	}
	if p, ok := progressOf(f.job); ok {
		lines = append(lines, f.progress(p))
	}
	if f.job.Error != "" {
		for _, l := range wrap("error: "+printable(f.job.Error), f.width, 3) {
			lines = append(lines, f.brush.paint(red, l))
		}
	}
	return append(append(lines, f.hotKey()...), f.bottleneck(finding)...)
}

func (f *frame) totals() string {
	t := totalsOf(f.job)
	held := fmt.Sprintf("in flight %s of %s", metric.FormatBytes(f.job.InFlightBytes), metric.FormatBytes(f.job.BoundBytes))
	used := cells.StringWidth(held)
	line := cut(held, f.width)
	for _, c := range []struct {
		name   string
		n      int64
		colour string
	}{
		{"restarts", int64(f.job.Restarts), yellow},
		{"dead letters", t.deadLettered, yellow},
		{"late", t.late, ""},
		{"skipped", t.skipped, ""},
	} {
		s := "  " + c.name + " " + metric.FormatCount(float64(c.n))
		if used += cells.StringWidth(s); used > f.width {
			break
		}
		if c.n > 0 && c.colour != "" {
			s = f.brush.paint(c.colour, s)
		}
		line += s
	}
	return line
}

func (f *frame) bottleneck(finding *diagnosis.Finding) []string {
	if finding == nil {
		return []string{cut("bottleneck: none"+f.recovery(), f.width)}
	}
	what := headline(*finding)
	lines := []string{f.brush.paint(bold+red, cut(what, f.width))}
	for _, l := range wrap(printable(finding.Evidence), f.width-2, 3) {
		lines = append(lines, "  "+l)
	}
	lead := "  → "
	for _, l := range wrap(printable(finding.Remedy), f.width-len("    "), 4) {
		lines = append(lines, lead+l)
		lead = "    "
	}
	return lines
}

// headline says in a few words what is wrong, and where.
func headline(f diagnosis.Finding) string {
	label := "bottleneck"
	if f.Cause == diagnosis.Checkpoint || f.Cause == diagnosis.Retention {
		label = "danger"
	}
	return fmt.Sprintf("%s: %s: %s", label, printable(f.Where()), f.Cause.Words())
}

// recovery tells of a lag that is being worked off: nothing limits the job any
// more, but it is behind.
func (f *frame) recovery() string {
	var lag, growth, read float64
	for i := range f.rates.Operators {
		if o := &f.rates.Operators[i]; o.Lag > 0 {
			lag += o.Lag
			growth += o.LagGrowth
			read += o.Out
		}
	}
	// What is read within a second is the usual wait in the source.
	if f.job.Ended() || growth >= 0 || lag < read {
		return ""
	}
	left := time.Duration(min(lag/-growth, float64(maxLeft/time.Second)) * float64(time.Second))
	return fmt.Sprintf("; the lag of %s falls by %s/s, gone in %s",
		metric.FormatCount(lag), metric.FormatCount(-growth), duration(left))
}

// maxLeft bounds the estimate of recovery.
const maxLeft = 99 * 24 * time.Hour

// totals are sums over the operators of a job.
type totals struct{ late, skipped, deadLettered int64 }

func totalsOf(job *metric.Job) totals {
	var t totals
	for i := range job.Operators {
		for j := range job.Operators[i].Subtasks {
			s := &job.Operators[i].Subtasks[j]
			t.late += s.Late
			t.skipped += s.Skipped
			t.deadLettered += s.DeadLettered
		}
	}
	return t
}

// progress of bounded input.
type progress struct {
	share float64       // from 0 to 1
	left  time.Duration // estimate, -1 while unknown
}

// progressOf tells how much of the input is done, and false when a source is
// unbounded or knows no total. Sources count in units of their own (bytes,
// records), so the mean of their shares is what is told.
func progressOf(job *metric.Job) (progress, bool) {
	share, sources := 0.0, 0
	for i := range job.Operators {
		o := &job.Operators[i]
		if o.Kind != "source" {
			continue
		}
		var done, total int64
		for j := range o.Subtasks {
			s := &o.Subtasks[j]
			if s.Total <= 0 && s.State != "finished" {
				return progress{}, false
			}
			done += s.Done
			total += s.Total
		}
		if total <= 0 {
			return progress{}, false
		}
		share += min(max(float64(done)/float64(total), 0), 1)
		sources++
	}
	if sources == 0 {
		return progress{}, false
	}
	p := progress{share: share / float64(sources), left: -1}
	if spent := job.At.Sub(job.Started); p.share > 0.005 && spent > 0 {
		p.left = time.Duration(float64(spent) * (1 - p.share) / p.share)
	}
	return p, true
}

func (f *frame) progress(p progress) string {
	text := fmt.Sprintf(" %3.0f %%", 100*p.share)
	switch {
	case p.share >= 1:
	case p.left >= 0:
		text += "  " + duration(p.left.Round(time.Second)) + " left"
	default:
		text += "  estimating"
	}
	width := min(40, f.width-cells.StringWidth(text))
	if width < 5 {
		return cut(strings.TrimSpace(text), f.width)
	}
	done := int(p.share * float64(width))
	return f.brush.paint(green, strings.Repeat("━", done)) + f.brush.paint(dim, strings.Repeat("─", width-done)) + text
}
