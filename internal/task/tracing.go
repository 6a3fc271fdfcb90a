package task

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// tracing divides the time that a chain works on the records ahead of a traced
// marker among its operators. The clock is then read at each hand-over, as for a
// sample. Where markers are traced, this is done for every batch: a marker may come
// on a slot of its own, when the records that it follows have been processed.
type tracing struct {
	// The last batch: its channel, when it was begun and had been processed, and
	// what each operator spent, outside waits included.
	channel      int
	began, ended int64
	spent        []int64
	before       []int64

	// One marker behind it: when its turn came, what of the time falls to each
	// operator, and when it was passed on.
	taken, left int64
	share       []int64
}

// begin is called ahead of a batch.
func (r *tracing) begin(t *Task, channel int) {
	if r.spent == nil {
		n := len(t.links)
		r.spent, r.before, r.share = make([]int64, n), make([]int64, n), make([]int64, n)
	}
	r.channel, r.began = channel, t.host.Now()
	if p := &t.pace; p.sampling {
		t.sampleSwitch(t.links[0])
	} else {
		p.sampling, p.mark, p.cur = true, r.began, t.links[0]
	}
	for i, l := range t.links {
		r.before[i] = l.own + l.counters.External.Load()
	}
}

// end is called behind it. What the chain waited for credit counts for its last
// operator.
func (r *tracing) end(t *Task) {
	t.sampleSwitch(t.pace.cur)
	r.ended = t.host.Now()
	rest := r.ended - r.began
	for i, l := range t.links {
		r.spent[i] = min(l.own+l.counters.External.Load()-r.before[i], rest)
		rest -= r.spent[i]
	}
	r.spent[len(r.spent)-1] += rest
}

// follow takes a marker that was sent at a time and is passed on now. The work on
// the batch that it follows is its turn, from when it was sent.
func (r *tracing) follow(channel int, queued, now int64) {
	r.taken, r.left = now, now
	clear(r.share)
	if channel != r.channel || queued >= r.ended || r.spent == nil {
		return
	}
	r.taken = max(r.began, queued)
	cut := r.taken - r.began
	for i, n := range r.spent {
		gone := min(cut, n)
		cut -= gone
		r.share[i] = n - gone
	}
	r.share[len(r.share)-1] += now - r.ended
}

// span is that of one operator of the chain, whose turn begins when that of those
// before it ends. queued is for the first one.
func (r *tracing) span(t *Task, i int, queued, inFlight int64) metric.Span {
	taken, took := r.taken, int64(0)
	for k, n := range r.share {
		if k < i {
			taken += n
		}
		if k == i {
			took = n
		}
	}
	if i > 0 || queued > taken {
		queued = taken
	}
	wall, n := t.host.Wall(), t.links[i].node
	at := func(ns int64) time.Time { return wall.Add(time.Duration(ns - r.left)) }
	return metric.Span{Operator: n.Name, Kind: n.Kind, Subtask: t.cfg.Subtask,
		Queued: at(queued), Taken: at(taken), Left: at(taken + took), InFlight: inFlight}
}
