package diagnosis

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// meaningful is the share of time blocked from which there is pressure:
	// the upper end of level OK.
	meaningful = 0.10
	// saturated is the share of time that the busiest subtask of a bottleneck
	// is busy at least: pressure on a task below it comes from bursts, and no
	// change of that task would remove it.
	saturated = 0.50
	// shortest is the time that shares must be measured over to mean anything.
	shortest = 250 * time.Millisecond
)

// Bottleneck names the operator that limits a job, and false when none does.
//
// Blocked time tells: it begins at the arrow where senders are blocked most
// and is followed downstream, on each task by the arrow that blocks it most.
// Of the tasks met, the guilty one is busy and not blocked itself. Within its
// chain, the operator with the largest own share of the time is named. A job
// without pressure is limited by a source if the lag of that source grows.
func Bottleneck(rates metric.Rates, now *metric.Job) (Finding, bool) {
	if now == nil || rates.Interval < shortest {
		return Finding{}, false
	}
	switch now.State {
	case "created", "restarting", "finished", "suspended", "failed", "cancelled":
		return Finding{}, false
	}
	p := planOf(rates)
	start := worst(p.edges)
	if start == nil || start.Blocked <= meaningful {
		return p.laggingSource()
	}
	guilty, by := p.follow(start)
	if guilty.busiest() < saturated {
		return Finding{}, false
	}
	return classify(guilty.heaviest(), p.pressureOf(by)), true
}

// task is a chain of operators: they share one thread of control, and so the
// times busy, idle and blocked.
type task struct {
	operators []*metric.OperatorRate
	out       []*metric.EdgeRate // to other tasks
}

// plan is the graph of tasks. Its edges are those between two tasks.
type plan struct {
	tasks []*task // in the order of their first operators
	of    map[int]*task
	names map[int]string
	edges []*metric.EdgeRate
}

func planOf(rates metric.Rates) *plan {
	p := &plan{of: map[int]*task{}, names: map[int]string{}}
	chains := map[int]*task{}
	for i := range rates.Operators {
		o := &rates.Operators[i]
		t := chains[o.Operator.Chain]
		if t == nil {
			t = &task{}
			chains[o.Operator.Chain] = t
			p.tasks = append(p.tasks, t)
		}
		t.operators = append(t.operators, o)
		p.of[o.Operator.ID] = t
		p.names[o.Operator.ID] = o.Operator.Name
	}
	for i := range rates.Edges {
		e := &rates.Edges[i]
		from, to := p.of[e.Edge.From], p.of[e.Edge.To]
		if from == nil || to == nil || from == to {
			continue
		}
		from.out = append(from.out, e)
		p.edges = append(p.edges, e)
	}
	return p
}

// worst is the edge on which senders are blocked most, the first of equals,
// nil when none is blocked.
func worst(edges []*metric.EdgeRate) *metric.EdgeRate {
	var w *metric.EdgeRate
	for _, e := range edges {
		if e.Blocked > 0 && (w == nil || e.Blocked > w.Blocked) {
			w = e
		}
	}
	return w
}

// follow walks along blocked edges and returns the task that is busy most and
// blocked least, the last of equals, with the edge by which it was reached.
func (p *plan) follow(start *metric.EdgeRate) (guilty *task, by *metric.EdgeRate) {
	var best float64
	seen := map[*task]bool{}
	for e := start; e != nil; {
		t := p.of[e.Edge.To]
		if seen[t] {
			break
		}
		seen[t] = true
		if score := t.busiest() - t.blocked(); guilty == nil || score >= best {
			guilty, by, best = t, e, score
		}
		if t.blocked() <= meaningful {
			break
		}
		e = worst(t.out)
	}
	return guilty, by
}

// laggingSource looks for the source whose lag grows most.
func (p *plan) laggingSource() (Finding, bool) {
	var source *metric.OperatorRate
	for _, t := range p.tasks {
		for _, o := range t.operators {
			if fallsBehind(o) && (source == nil || o.LagGrowth > source.LagGrowth) {
				source = o
			}
		}
	}
	if source == nil {
		return Finding{}, false
	}
	// What is fused with the source slows it down without any pressure.
	o := p.of[source.Operator.ID].heaviest()
	if o != source && o.Own >= saturated {
		return classify(o, behind(source)), true
	}
	return sourceBound(source), true
}

// fallsBehind tells whether a lag grows by more than noise: it is more than a
// second of work, and grows by more than a twentieth of what is read.
func fallsBehind(o *metric.OperatorRate) bool {
	return o.Lag > max(o.Out, 100) && o.LagGrowth > max(o.Out/20, 10)
}

func (t *task) blocked() float64 { return t.operators[0].Blocked }

// busiest is the busy share of the busiest subtask, as far as it is known: at
// least the mean of the task and the largest own share of an operator.
func (t *task) busiest() float64 {
	busy := t.operators[0].Busy
	for _, o := range t.operators {
		busy = max(busy, o.MaxOwn)
	}
	return min(busy, 1)
}

// heaviest is the operator with the largest own share of the time, the first
// of equals. Of a skewed operator the share of its hot subtask counts.
func (t *task) heaviest() *metric.OperatorRate {
	share := func(o *metric.OperatorRate) float64 {
		if skewed(o) {
			return o.MaxOwn
		}
		return o.Own
	}
	h := t.operators[0]
	for _, o := range t.operators[1:] {
		if share(o) > share(h) {
			h = o
		}
	}
	return h
}
