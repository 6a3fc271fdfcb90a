package diagnosis

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// look is what a job did between two snapshots.
type look struct {
	rates metric.Rates
	// before is nil where only rates are known: what differs among subtasks and
	// channels is then not seen.
	before, now *metric.Job
	// wanted is how many processors the process wanted more than it had.
	wanted float64
	*plan
}

func lookAt(before, now *metric.Job, rates metric.Rates) *look {
	l := &look{rates: rates, before: before, now: now, plan: planOf(before, rates)}
	if before != nil && rates.Interval > 0 {
		l.wanted = max(float64(now.Process.Waited-before.Process.Waited)/float64(rates.Interval), 0)
	}
	return l
}

// task is a chain of operators: they share one thread of control, and so the
// times busy, idle and blocked.
type task struct {
	operators []*metric.OperatorRate
	in, out   []*arrow  // from and to other tasks
	busy      []float64 // of each subtask; nil where it is not known
}

// arrow joins two tasks.
type arrow struct {
	*metric.EdgeRate
	from, to *task
	// pressure is the share of time that a sender is blocked on it: the mean, or
	// that of the one that is blocked most where each has a receiver of its own.
	pressure float64
	// waits is, of the time that senders were blocked, the part that each
	// receiving subtask has caused; nil where it is not known.
	waits []float64
}

// plan is the graph of tasks.
type plan struct {
	tasks  []*task // in the order of their first operators
	of     map[int]*task
	names  map[int]string
	arrows []*arrow
	// chained leads from an operator to the one before it in its chain.
	chained map[int]int
}

func planOf(before *metric.Job, rates metric.Rates) *plan {
	p := &plan{of: map[int]*task{}, names: map[int]string{}, chained: map[int]int{}}
	chains := map[int]*task{}
	for i := range rates.Operators {
		o := rates.Operators[i]
		// Both are estimates from samples, whose past counts too: after a change
		// they swing for a while.
		o.MaxOwn = min(max(o.MaxOwn, 0), 1)
		o.Own = min(max(o.Own, 0), o.MaxOwn)
		o.External = min(max(o.External, 0), 1)
		t := chains[o.Operator.Chain]
		if t == nil {
			t = &task{busy: busyOf(before, i, &o)}
			chains[o.Operator.Chain] = t
			p.tasks = append(p.tasks, t)
		}
		t.operators = append(t.operators, &o)
		p.of[o.Operator.ID] = t
		p.names[o.Operator.ID] = o.Operator.Name
	}
	for _, t := range p.tasks {
		t.unfinished()
	}
	for i := range rates.Edges {
		e := &rates.Edges[i]
		from, to := p.of[e.Edge.From], p.of[e.Edge.To]
		switch {
		case from == nil || to == nil:
			continue
		case from == to:
			p.chained[e.Edge.To] = e.Edge.From
			continue
		}
		a := &arrow{EdgeRate: e, from: from, to: to, pressure: min(max(e.Blocked, 0), 1)}
		// The channels matter where there is pressure, at one sender at least.
		if before != nil && i < len(before.Edges) && a.pressure*float64(subtasks(from.operators[0])) > meaningful/2 {
			a.channels(&before.Edges[i], rates.Interval)
		}
		from.out = append(from.out, a)
		to.in = append(to.in, a)
		p.arrows = append(p.arrows, a)
	}
	return p
}

// longWait is the share of time that must be missing in the operators of a task
// for it to be in one wait all the while.
const longWait = 0.30

// unfinished gives the time of a wait that has not ended to the operator that
// waits: a task counts it as busy, but no operator does until it ends. It is one
// that has calls on their way, else a sink, else the one with the most own time.
func (t *task) unfinished() {
	missing, o := t.operators[0].Busy, t.heaviest()
	calls, sinks := false, false
	for _, c := range t.operators {
		missing -= c.Own
		n, _ := callsOf(c)
		switch {
		case n > 0 && !calls:
			o, calls = c, true
		case isSink(c) && !calls && !sinks:
			o, sinks = c, true
		}
	}
	if missing < longWait {
		return
	}
	o.External = min(o.External+missing, 1)
	o.Own = min(o.Own+missing, 1)
	o.MaxOwn = max(o.MaxOwn, o.Own)
}

// busyOf is the busy share of each subtask.
func busyOf(before *metric.Job, operator int, o *metric.OperatorRate) []float64 {
	if before == nil || operator >= len(before.Operators) {
		return nil
	}
	was, is := before.Operators[operator].Subtasks, o.Operator.Subtasks
	if len(was) != len(is) {
		return nil
	}
	shares := make([]float64, len(is))
	for i := range is {
		if wall := is[i].Wall - was[i].Wall; wall > 0 {
			shares[i] = min(max(float64(is[i].Busy-was[i].Busy)/float64(wall), 0), 1)
		}
	}
	return shares
}

// channels takes from the channels whom the senders waited for.
func (a *arrow) channels(before *metric.Edge, interval time.Duration) {
	now := &a.Edge
	if len(before.Channels) != len(now.Channels) || interval <= 0 || now.Blocked <= before.Blocked {
		return // nobody waited: most arrows, and they may have very many channels
	}
	senders := make([]time.Duration, len(a.from.operators[0].Operator.Subtasks))
	receivers := make([]time.Duration, len(a.to.operators[0].Operator.Subtasks))
	var total time.Duration
	for i := range now.Channels {
		c := &now.Channels[i]
		d := c.Blocked - before.Channels[i].Blocked
		if d <= 0 || c.FromSubtask < 0 || c.FromSubtask >= len(senders) || c.ToSubtask < 0 || c.ToSubtask >= len(receivers) {
			continue
		}
		senders[c.FromSubtask] += d
		receivers[c.ToSubtask] += d
		total += d
	}
	if total <= 0 {
		return
	}
	if now.Kind == "forward" {
		for _, d := range senders {
			a.pressure = max(a.pressure, min(float64(d)/float64(interval), 1))
		}
	}
	a.waits = make([]float64, len(receivers))
	for i, d := range receivers {
		a.waits[i] = float64(d) / float64(total)
	}
}

func (t *task) blocked() float64 { return t.operators[0].Blocked }

func (t *task) idle() float64 { return t.operators[0].Idle }

// busiest is the busy share of the busiest subtask, as far as it is known: at
// least the mean of the task and the largest own share of an operator.
func (t *task) busiest() float64 {
	busy := t.operators[0].Busy
	for _, o := range t.operators {
		busy = max(busy, o.MaxOwn)
	}
	for _, b := range t.busy {
		busy = max(busy, b)
	}
	return min(busy, 1)
}

// heaviest is the operator with the largest own share of the time, the first
// of equals. Of a skewed task the share of the hot subtask counts.
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

// source is the source that a task begins with, nil if it begins with another
// operator.
func (t *task) source() *metric.OperatorRate {
	if o := t.operators[0]; o.Operator.Kind == "source" {
		return o
	}
	return nil
}

func subtasks(o *metric.OperatorRate) int {
	return max(o.Operator.Parallelism, len(o.Operator.Subtasks), 1)
}
