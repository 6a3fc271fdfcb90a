package task

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// tracing divides the time that a chain works on the records ahead of a traced
// marker among its operators. The clock is then read at each hand-over, as for a
// sample.
type tracing struct {
	on     bool
	began  int64
	ended  int64
	spent  []int64 // by each operator, External included
	before []int64
}

// begin is called ahead of those records.
func (r *tracing) begin(t *Task, now int64) {
	if r.spent == nil {
		r.spent, r.before = make([]int64, len(t.links)), make([]int64, len(t.links))
	}
	r.on, r.began = true, now
	if p := &t.pace; p.sampling {
		t.sampleSwitch(t.links[0])
	} else {
		p.sampling, p.mark, p.cur = true, now, t.links[0]
	}
	for i, l := range t.links {
		r.before[i] = l.own + l.counters.External.Load()
	}
}

// end is called behind them and returns the time. What the chain waited for
// credit counts for its last operator.
func (r *tracing) end(t *Task) int64 {
	t.sampleSwitch(t.pace.cur)
	r.on, r.ended = false, t.host.Now()
	rest := r.ended - r.began
	for i, l := range t.links {
		r.spent[i] = min(l.own+l.counters.External.Load()-r.before[i], rest)
		rest -= r.spent[i]
	}
	r.spent[len(r.spent)-1] += rest
	return r.ended
}

// pass adds the spans of all operators of the chain but the first.
func (r *tracing) pass(t *Task, to metric.Trace) {
	for i := 1; i < len(t.links); i++ {
		to.Pass(r.span(t, i, 0, -1))
	}
}

// span is that of one operator, whose turn begins when that of those before it
// ends. queued is for the first one.
func (r *tracing) span(t *Task, i int, queued, inFlight int64) metric.Span {
	taken := r.began
	for k := range i {
		taken += r.spent[k]
	}
	if i > 0 || queued > taken {
		queued = taken
	}
	wall, n := t.host.Wall(), t.links[i].node
	at := func(ns int64) time.Time { return wall.Add(time.Duration(ns - r.ended)) }
	return metric.Span{Operator: n.Name, Kind: n.Kind, Subtask: t.cfg.Subtask,
		Queued: at(queued), Taken: at(taken), Left: at(taken + r.spent[i]), InFlight: inFlight}
}
