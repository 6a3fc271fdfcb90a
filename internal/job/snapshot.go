package job

import (
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/task"
)

// Snapshot reads everything that is known now. It may be called at any time,
// some times a second.
func (j *Job) Snapshot() *metric.Job {
	j.mu.Lock()
	g := j.attempt.graph
	s := &metric.Job{Name: j.cfg.Name, State: j.state, Started: j.started, At: time.Now(), Restarts: j.restarts, Attempt: j.attempt.number}
	if !j.ended.IsZero() {
		s.At = j.ended
	}
	if j.err != nil {
		s.Error = j.err.Error()
		if refused, ok := errors.AsType[*task.RefusedError](j.err); ok {
			s.ErrorRecord = refused.Which()
		}
	}
	j.mu.Unlock()
	p := g.Plan
	var barriers map[checkpoint.Subtask]*metric.Barrier
	if j.cfg.Checkpoints != nil {
		s.Checkpoints, barriers = j.ledger.read()
		s.Checkpoints.Interval = j.cfg.Checkpoints.Interval
	}
	for id, n := range p.Nodes {
		o := metric.Operator{ID: id, Name: n.Name, Kind: n.Kind, Chain: p.ChainOf[id], Parallelism: p.Parallelism[id]}
		switch {
		case n.Source != nil:
			d := n.Source.Describe()
			o.Outside, o.Bounded = d.Kind+" "+d.Target, d.Bounded
		case n.Sink != nil:
			d := n.Sink.Describe()
			o.Outside = d.Kind + " " + d.Target
		}
		o.Saltable, o.Foldable = p.Foldable(id)
		o.Subtasks = make([]metric.Subtask, 0, len(g.Tasks[o.Chain]))
		name := p.TaskName(o.Chain)
		for i, t := range g.Tasks[o.Chain] {
			subtask := t.Snapshot(id)
			subtask.Barrier = barriers[checkpoint.Subtask{Task: name, Index: i}]
			o.Subtasks = append(o.Subtasks, subtask)
		}
		s.Operators = append(s.Operators, o)
	}
	edges(g, s)
	s.Latencies = j.latencies(g, s.At)
	s.Process = metric.ReadProcess()
	s.InFlightBytes, s.BoundBytes = g.InFlight()
	s.PeakInFlightBytes = max(j.peak.Load(), s.InFlightBytes)
	return s
}

func edges(g *Graph, s *metric.Job) {
	p := g.Plan
	for to, n := range p.Nodes {
		for _, in := range n.Inputs {
			if p.Fused(in, to) {
				s.Edges = append(s.Edges, metric.Edge{From: in.From, To: to, Kind: "chained"})
			}
		}
	}
	for id, e := range g.Edges {
		m := metric.Edge{From: e.From, To: e.To, Kind: e.Input.Partition.String()}
		m.Channels = make([]metric.Channel, 0, len(g.Channels[id]))
		for _, c := range g.Channels[id] {
			st := c.State()
			blocked := time.Duration(c.Blocked.Load())
			m.Channels = append(m.Channels, metric.Channel{FromSubtask: c.From, ToSubtask: c.To,
				InFlight: st.InFlight, Window: st.Window, Bound: st.Bound, Sent: st.Sent, Blocked: blocked})
		}
		sum := m.Totals()
		m.Sum = &sum
		for _, t := range g.Tasks[p.ChainOf[e.From]] {
			m.Blocked += t.BlockedOn(id)
		}
		if id < len(g.Keys) {
			m.HotKeys = metric.HotKeys(g.Keys[id])
		}
		s.Edges = append(s.Edges, m)
	}
}

// peakEvery is how often the bytes in flight are sampled for their peak, or more
// rarely in a job of many channels: the time it takes is 1/peakShare of all.
const (
	peakEvery = 20 * time.Millisecond
	peakShare = 500
)

// watch samples the peak and looks for a broken credit protocol until the job
// ends.
func (j *Job) watch() {
	tick := time.NewTimer(peakEvery)
	defer tick.Stop()
	w := watchdog{}
	took := time.Duration(0)
	for {
		select {
		case <-j.done:
			return
		case <-tick.C:
		}
		began := time.Now()
		a := j.current()
		now, _ := a.graph.InFlight()
		j.peak.Store(max(j.peak.Load(), now))
		if err := w.look(a.graph); err != nil {
			a.fail(err)
		}
		// Once it may take long because others have the processors.
		took = min(time.Since(began), 2*took+10*time.Microsecond)
		tick.Reset(min(max(peakEvery, peakShare*took), time.Second))
	}
}

// stuckAfter is how long a sender may wait for credit while its receiver waits
// for input: longer means that the credit protocol is broken.
const stuckAfter = 15 * time.Second

// watchdog turns a violated invariant into a named error instead of a job that
// hangs.
type watchdog struct{ last time.Time }

func (w *watchdog) look(g *Graph) error {
	if time.Since(w.last) < time.Second {
		return nil
	}
	w.last = time.Now()
	for id, list := range g.Channels {
		e := g.Edges[id]
		for _, c := range list {
			from := g.Tasks[g.Plan.ChainOf[e.From]][c.From]
			to := g.Tasks[g.Plan.ChainOf[e.To]][c.To]
			if !c.Held() && from.WaitsOn(c, stuckAfter) && to.Waits(task.Idle, stuckAfter) {
				return &task.Failure{Operator: g.Plan.Nodes[e.From].Name, Subtask: c.From, Err: stuckError(g.Plan.Nodes[e.To].Name, c.State().InFlight, c.State().Window)}
			}
		}
	}
	return nil
}

func stuckError(to string, inFlight, window int64) error {
	return fmt.Errorf("no credit from %q for %v although it waits for input (%d bytes in flight, window %d): this is a bug of the engine, please report it", to, stuckAfter, inFlight, window)
}
