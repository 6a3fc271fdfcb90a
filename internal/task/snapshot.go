package task

import (
	"math"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/operator"
)

// Snapshot reads the counters of one operator of the chain. Any goroutine may
// call it.
func (t *Task) Snapshot(node int) metric.Subtask {
	s := metric.Subtask{State: "running", Splits: -1}
	if t.ended.Load() {
		s.State = "finished"
	}
	times := t.Account.Read(t.host.Now())
	for i, l := range t.links {
		if l.node.ID != node {
			continue
		}
		t.measure(l)
		metric.Fill(&s, l.counters, times)
		// Both are estimates: the part is not more than the whole.
		s.StateTime = min(s.StateTime, s.Own-s.External)
		if c, ok := l.op.(operator.Calling); ok {
			called(&s, c.Calls(t.host.Wall()))
		}
		switch {
		case i == 0 && t.source != nil && t.source.ready.Load():
			s.Splits = t.source.splits.Load()
			if t.source.progress != nil {
				s.Done, s.Total = t.source.progress.Progress()
			}
			if t.source.buffered != nil {
				s.Buffered, s.BufferedBound = t.source.buffered.Buffered()
			}
		case t.sink != nil && l == t.sink.link && t.sink.ready.Load():
			if t.sink.buffered != nil {
				s.Buffered, s.BufferedBound = t.sink.buffered.Buffered()
			}
		}
	}
	return s
}

// called adds what an operator asks of an outside system.
func called(s *metric.Subtask, c operator.Calls) {
	s.Calls, s.CallLimit = int64(math.Round(c.InFlight)), int64(c.Limit)
	for _, n := range [...]struct {
		name  string
		count int64
	}{{"calls", c.Made}, {"retries", c.Retries}, {"throttled", c.Throttled}, {"timeouts", c.Timeouts}} {
		if n.count == 0 {
			continue
		}
		if s.Counters == nil {
			s.Counters = map[string]int64{}
		}
		s.Counters[n.name] += n.count
	}
}

// measure asks a connector for the numbers that it does not report by itself.
func (t *Task) measure(l *link) {
	switch {
	case t.ended.Load():
	case t.source != nil && l == t.source.link && t.source.ready.Load() && t.source.measured != nil:
		t.source.measured.Measure(l.counters.SetGauge)
	case t.sink != nil && l == t.sink.link && t.sink.ready.Load() && t.sink.measured != nil:
		t.sink.measured.Measure(l.counters.SetGauge)
	}
}

// Buffered is what the connectors of the task hold outside of channels.
func (t *Task) Buffered() (now, bound int64) {
	add := func(b connector.Buffered) {
		n, m := b.Buffered()
		now, bound = now+n, bound+m
	}
	if s := t.source; s != nil && s.ready.Load() && s.buffered != nil {
		add(s.buffered)
	}
	if s := t.sink; s != nil && s.ready.Load() && s.buffered != nil {
		add(s.buffered)
	}
	return now, bound
}

// BlockedOn is the time that the task waited for credit on a plan edge.
func (t *Task) BlockedOn(edge int) time.Duration {
	times := t.Account.Read(t.host.Now())
	for i, id := range t.edges {
		if id == edge {
			return times.Edges[i]
		}
	}
	return 0
}

// Waits tells whether the task has been waiting like that for at least d.
func (t *Task) Waits(s Status, d time.Duration) bool {
	kind, since := t.Account.Waiting()
	return s == Idle && kind == metric.ForInput && t.host.Now()-since >= int64(d)
}

// WaitsOn tells whether the task has been waiting for credit on the channel for
// at least d.
func (t *Task) WaitsOn(c *exchange.Channel, d time.Duration) bool {
	kind, since := t.Account.Waiting()
	return kind == metric.Wait(c.Edge) && t.on.Load() == c && t.host.Now()-since >= int64(d)
}
