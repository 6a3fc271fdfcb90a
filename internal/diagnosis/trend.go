package diagnosis

import (
	"math"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// trend is how the lag of a source moves over a period.
type trend struct {
	source *metric.OperatorRate // of late
	task   *task
	known  bool    // whether there is a lag
	lag    float64 // records now
	growth float64 // records a second
	// growing and falling say that it does so most of the time, and by more than
	// noise.
	growing, falling bool
	// quiet is the number of intervals, the last ones in a row, in which the
	// source read nothing and waited.
	quiet int
	// rested is the most of the last two intervals that the source had nothing to
	// read, a share of time.
	rested float64
}

// most is how many of n intervals must show a thing for it to be there: two
// thirds.
func most(n int) int { return (2*n + 2) / 3 }

// trends are those of all sources.
func (p *period) trends() (out []*trend) {
	for i := range p.recent.now.Operators {
		o := &p.recent.now.Operators[i]
		t := p.recent.of[o.ID]
		if o.Kind != "source" || t == nil || t.source() == nil || t.source().Operator.ID != o.ID {
			continue
		}
		out = append(out, p.trendOf(i, t))
	}
	return out
}

func (p *period) trendOf(operator int, t *task) *trend {
	tr := &trend{task: t, source: t.source()}
	var up, down, silent int
	quiet := true
	first, since := -1.0, time.Time{} // the oldest lag that is known
	for k := len(p.picked) - 1; k > 0; k-- {
		a, b := p.picked[k-1], p.picked[k]
		o := rateOf(a, b, operator)
		if len(p.picked)-k <= 2 {
			tr.rested = max(tr.rested, o.Idle)
		}
		if o.Out <= 0 && o.Idle >= 0.9 {
			silent++
			if quiet {
				tr.quiet++
			}
		} else {
			quiet = false
		}
		was, is := lagOf(&a.Operators[operator]), lagOf(&b.Operators[operator])
		if was < 0 || is < 0 {
			continue
		}
		first, since = was, a.At
		switch noise := 0.01 * math.Abs(o.Out) * b.At.Sub(a.At).Seconds(); {
		case is-was > max(noise, 0.5):
			up++
		case was-is > max(noise, 0.5):
			down++
		}
	}
	n := p.intervals()
	now := p.recent.now
	last := lagOf(&now.Operators[operator])
	tr.known, tr.lag = last >= 0, max(last, 0)
	span := now.At.Sub(since).Seconds()
	if first < 0 || last < 0 || span <= 0 {
		return tr
	}
	tr.growth = (last - first) / span
	out := max(tr.source.Out, 0)
	// A source that only waits has what it may read: records of transactions that
	// are open count as lag, and come all at once.
	tr.growing = n >= most(window) && up >= most(n) && down <= 1 && silent <= n/2 && tr.growth > max(out/20, 1) && tr.lag > max(out, 20)
	tr.falling = down >= most(n) && up <= 1 && tr.growth < -max(out/100, 0.5)
	return tr
}

// rateOf is what one operator did between two samples.
func rateOf(a, b *metric.Job, operator int) metric.OperatorRate {
	one := func(j *metric.Job) *metric.Job {
		return &metric.Job{At: j.At, Operators: j.Operators[operator : operator+1]}
	}
	return metric.Between(one(a), one(b)).Operators[0]
}

// lagOf sums the gauges named "lag" of all subtasks, -1 if there are none.
func lagOf(o *metric.Operator) float64 {
	lag := -1.0
	for i := range o.Subtasks {
		for _, g := range o.Subtasks[i].Gauges {
			if g.Name == "lag" && finite(g.Value) {
				lag = max(lag, 0) + max(g.Value, 0)
			}
		}
	}
	return lag
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

const (
	// atHand is the lag of a source that keeps up, in seconds of what it reads: a
	// log tells only now and then how much there is.
	atHand = 2
	// rests is the share of time that a source has nothing to read when it keeps
	// up.
	rests = 0.05
)

// keepsUp tells that a source reads all there is, whatever presses it at times.
func (t *trend) keepsUp() bool {
	return t.known && !t.growing && t.lag <= max(atHand*t.source.Out, 20) && t.rested >= rests
}

// held tells that a source waits for credit and is not at work for the most part:
// what presses it is to be found, which may take a second or two more, and not the
// source.
func (t *trend) held() bool { return t.task.blocked() > meaningful && t.source.Own < saturated }

// bounded tells that the input of a source ends.
func (t *trend) bounded() bool {
	o := &t.source.Operator
	if o.Bounded {
		return true
	}
	for i := range o.Subtasks {
		if s := &o.Subtasks[i]; s.Total > 0 || s.State == "finished" {
			return true
		}
	}
	return false
}

// severity is how much it matters that a source is pressed, "" for not at all.
func (t *trend) severity() Severity {
	switch {
	case t.growing:
		return Warning
	case t.keepsUp():
		return ""
	case t.falling || t.bounded():
		return Note
	}
	return Warning
}

// behind says how far a source is behind, "" if it does not matter.
func (t *trend) behind() string {
	switch {
	case !t.known || t.lag <= max(t.source.Out/2, 20):
		return ""
	case t.growing:
		return lagWords(t.source.Operator.Name, t.lag, t.growth)
	case t.falling:
		return "lag of " + t.source.Operator.Name + " is " + metric.FormatCount(t.lag) + " and falls by " + metric.FormatCount(-t.growth) + "/s"
	}
	return "lag of " + t.source.Operator.Name + " is " + metric.FormatCount(t.lag)
}

func lagWords(source string, lag, growth float64) string {
	return "lag of " + source + " is " + metric.FormatCount(lag) + " and grows by " + metric.FormatCount(growth) + "/s"
}

// lagging is the Note about a source that catches up.
func (t *trend) lagging() (Finding, bool) {
	if !t.known || !t.falling || t.lag <= max(atHand*t.source.Out, 20) {
		return Finding{}, false
	}
	left := t.lag / -t.growth
	return Finding{
		Operator: t.source.Operator.Name, Subtask: -1, Cause: Lag, Severity: Note,
		Evidence: sentence(t.behind(), "gone in "+spanOf(left)),
		Remedy:   "nothing, unless that is too long: then see what limits the job",
	}, true
}

// spanOf writes a number of seconds for people.
func spanOf(seconds float64) string {
	const longest = 999 * 24 * time.Hour
	d := time.Duration(min(max(seconds, 0), longest.Seconds()) * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return metric.FormatCount(d.Seconds()) + " s"
	case d < 2*time.Hour:
		return metric.FormatCount(math.Round(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return metric.FormatCount(math.Round(d.Hours())) + " h"
	}
	return metric.FormatCount(math.Round(d.Hours()/24)) + " days"
}
