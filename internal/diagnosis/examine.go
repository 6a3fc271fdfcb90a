package diagnosis

import (
	"cmp"
	"slices"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// window is how many intervals are looked at, about a second each. A finding
	// must be there in most of them, so that bursts are none.
	window = 6
	// enough is how many intervals there must be before rates mean anything.
	enough = 3
	// EnoughSeconds is the least time that samples must span, in seconds, for a
	// report to look for everything.
	EnoughSeconds = 3
	// late is how many of the intervals are the recent ones: causes and numbers
	// are taken from them.
	late = 3
	// spaced is the least time between two samples that are compared.
	spaced = 900 * time.Millisecond
	// shortest is the time that shares must be measured over to mean anything.
	shortest = 250 * time.Millisecond
)

// Examine finds out what holds a job up, from samples of one run, oldest first,
// about a second apart; those of a run before the last are left out. It looks at
// the last seconds: a bottleneck is found when it has been there for about four,
// and gone when it has not for two or three.
//
// The report has every bottleneck, not only the largest, the worst finding first.
// Equal samples give equal reports. The samples are not changed; without any the
// report is of a job that is well.
func Examine(samples []*metric.Job) Report {
	r := Report{Healthy: true, Findings: []Finding{}}
	samples = lastRun(samples)
	if len(samples) == 0 {
		return r
	}
	now := samples[len(samples)-1]
	r.Seconds = now.At.Sub(samples[0].At).Seconds()
	e := &examination{}
	if f, ok := restarts(now); ok {
		e.add(1, f)
	}
	if !works(now) {
		r.Findings = append(r.Findings, e.sorted()...)
		r.Healthy = len(r.Findings) == 0
		return r
	}
	if p := periodOf(samples); len(p.picked) > enough {
		e.rates(p)
	}
	for _, f := range checkpoints(samples, e.worst) {
		e.add(0.5, f)
	}
	r.Findings = append(r.Findings, e.sorted()...)
	for _, f := range r.Findings {
		r.Healthy = r.Healthy && f.Severity == Note
	}
	return r
}

// works tells whether there is anything to find in a job of this state.
func works(j *metric.Job) bool {
	switch j.State {
	case "created", "restarting", "finished", "suspended", "failed", "cancelled":
		return false
	}
	return true
}

// lastRun leaves out samples of other runs than the last one's, and those that
// are not older than it.
func lastRun(samples []*metric.Job) []*metric.Job {
	var run []*metric.Job // newest first
	for i := len(samples) - 1; i >= 0; i-- {
		s := samples[i]
		if s == nil {
			continue
		}
		if len(run) > 0 {
			last := run[len(run)-1]
			if s.Attempt != last.Attempt || s.Restarts != last.Restarts || !s.Started.Equal(last.Started) ||
				len(s.Operators) != len(last.Operators) || len(s.Edges) != len(last.Edges) {
				break
			}
			if !s.At.Before(last.At) {
				continue
			}
		}
		run = append(run, s)
	}
	slices.Reverse(run)
	return run
}

// period is the last seconds of a job.
type period struct {
	samples []*metric.Job // all there are, oldest first
	// picked are those that are compared: about one a second, at most window and
	// one more.
	picked []*metric.Job
	recent *look // the last intervals in one
	// process has what the process used over all intervals.
	process metric.Rates
}

func periodOf(samples []*metric.Job) *period {
	p := &period{samples: samples}
	now := samples[len(samples)-1]
	p.picked = []*metric.Job{now}
	for i := len(samples) - 2; i >= 0 && len(p.picked) <= window; i-- {
		if p.picked[0].At.Sub(samples[i].At) >= spaced {
			p.picked = slices.Insert(p.picked, 0, samples[i])
		}
	}
	p.recent = between(p.picked[max(0, len(p.picked)-1-late)], now)
	first := p.picked[0]
	p.process = metric.Between(&metric.Job{At: first.At, Process: first.Process}, &metric.Job{At: now.At, Process: now.Process})
	return p
}

// intervals is how many there are between the samples that are compared.
func (p *period) intervals() int { return len(p.picked) - 1 }

func between(a, b *metric.Job) *look { return lookAt(a, b, metric.Between(a, b)) }

// examination collects findings.
type examination struct {
	found []weighed
	// worst is the operator of the largest bottleneck, "" if there is none.
	worst string
}

// weighed is a finding with what orders it among others of its severity: the
// share of time that is lost, more or less.
type weighed struct {
	Finding
	weight float64
}

func (e *examination) add(weight float64, f Finding) {
	if f.Severity != "" {
		e.found = append(e.found, weighed{f, weight})
	}
}

// rates looks for what goes by rates.
func (e *examination) rates(p *period) {
	trends := p.trends()
	explained := map[*task]bool{} // sources
	limited := false
	for _, c := range p.confirmed() {
		severity, lag := p.severityOf(c, trends, explained)
		limited = limited || severity == Warning
		e.culprit(p.recent, c, severity, lag)
	}
	for _, t := range trends {
		if f, ok := p.silent(t); ok {
			e.add(1, f)
		}
		if t.growing && !explained[t.task] && !t.held() {
			limited = true
			e.add(min(t.growth/max(t.source.Out, 1), 1), p.recent.fallingBehind(t))
		}
		if f, ok := t.lagging(); ok {
			e.add(0, f)
		}
		if f, ok := p.retention(t); ok {
			e.add(1, f)
		}
	}
	if f, ok := p.collecting(limited); ok {
		e.add(p.process.GC/2, f) // behind whom it slows down
	}
}

// culprit adds the findings about one bottleneck.
func (e *examination) culprit(l *look, c culprit, severity Severity, lag string) {
	if severity == "" {
		return
	}
	effect := lag
	if c.by != nil && c.by.pressure > 0 {
		effect = sentence(l.pressureOf(c.by), lag)
	}
	f := l.classify(c, effect)
	f.Severity = severity
	if e.add(c.weight, f); e.worst == "" {
		e.worst = f.Operator
	}
	if b, ok := l.branch(c, f.Operator); ok {
		b.Severity = severity
		e.add(c.weight*0.99, b) // behind the cause itself
	}
}

// confirmed are the culprits of late that were culprits most of the time.
func (p *period) confirmed() (out []culprit) {
	suspects := p.recent.all()
	if len(suspects) == 0 {
		return nil // what was before does not matter
	}
	votes := map[int]int{} // by chain
	for i := range p.intervals() {
		for _, c := range between(p.picked[i], p.picked[i+1]).all() {
			votes[chainOf(c.task)]++
		}
	}
	for _, c := range suspects {
		need := most(p.intervals())
		if c.weight >= strong && c.task.busiest() >= brimful {
			need = min(need, late)
		}
		if votes[chainOf(c.task)] >= need {
			out = append(out, c)
		}
	}
	return out
}

// strong is the share of time that senders are blocked from which on three
// seconds are enough: a task at its limit that holds others up most of the time.
const strong = 0.50

// all are the culprits that press others, and those that press a source that is
// fused with them.
func (l *look) all() []culprit {
	out := l.culprits()
	for _, t := range l.tasks {
		if c, ok := l.within(t); ok {
			out = add(out, c)
		}
	}
	return out
}

const (
	// tireless is the share of time that a task works, at least, that has all it
	// can do.
	tireless = 0.95
	// sourceRests is the part of it that the source of the chain has at most.
	sourceRests = 0.20
)

// within tells whether operators that are fused with a source hold it up: by
// direct calls, which no arrow shows.
func (l *look) within(t *task) (culprit, bool) {
	source := t.source()
	if source == nil || len(t.operators) < 2 || t.busiest() < tireless {
		return culprit{}, false
	}
	h := t.heaviest()
	if h == source || h.MaxOwn < saturated || source.MaxOwn > sourceRests {
		return culprit{}, false
	}
	return culprit{task: t, weight: h.Own}, true
}

func chainOf(t *task) int { return t.operators[0].Operator.Chain }

// severityOf is how much a bottleneck matters: as much as to the source that it
// matters to most. Sources that it explains are marked. The lag is that of the
// one that is behind most.
func (p *period) severityOf(c culprit, trends []*trend, explained map[*task]bool) (s Severity, lag string) {
	s = Note // where no source waits for it, a buffer between takes it
	pressed := p.recent.pressed(c)
	if len(pressed) > 0 {
		s = ""
	}
	longest := -1.0
	for _, t := range trends {
		if !slices.Contains(pressed, t.task) {
			continue
		}
		explained[t.task] = true
		if v := t.severity(); v != "" && (s == "" || v.rank() < s.rank()) {
			s = v
		}
		if t.lag > longest {
			longest, lag = t.lag, t.behind()
		}
	}
	return s, lag
}

// fallingBehind is the finding of a source whose lag grows though nothing presses
// it: what is fused with it takes the time, or it does itself.
func (l *look) fallingBehind(t *trend) Finding {
	lag := t.behind()
	c := culprit{task: t.task}
	if o := t.task.heaviest(); o != t.source && o.MaxOwn >= saturated {
		f := l.classify(c, lag)
		f.Severity = Warning
		return f
	}
	f := sourceBound(t.source, lag)
	if splitsMissing(t.source) > 0 {
		f = splits(t.source)
		f.Evidence, f.Severity = sentence(f.Evidence, lag), Warning
	}
	return f
}

// sorted are all findings, the worst first; each once.
func (e *examination) sorted() []Finding {
	slices.SortStableFunc(e.found, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(b.weight, a.weight),
			cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Cause, b.Cause))
	})
	var out []Finding
	for _, f := range e.found {
		same := func(o Finding) bool { return o.Operator == f.Operator && o.Cause == f.Cause && o.Subtask == f.Subtask }
		if !slices.ContainsFunc(out, same) {
			out = append(out, f.Finding)
		}
	}
	return out
}
