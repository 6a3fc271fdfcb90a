package task

import (
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/metric"
)

// Latency is what the tasks of a job need to measure how long records take.
type Latency struct {
	// Every is the time between two markers of a subtask of a source.
	Every time.Duration
	Paths *metric.LatencyPaths
	// Tracer is nil where markers are not traced.
	Tracer metric.Tracer
}

// markers is the part of a task in latencies. Markers pass operators by: what an
// operator holds back, like a window, holds no marker back.
type markers struct {
	t       *Task
	cfg     *Latency
	due     int64 // when the source sends the next
	drawn   uint64
	arrived []arrival // at the sink, by source
	tracing tracing
}

// arrival counts the ages of markers of a source.
type arrival struct {
	source int
	ages   *metric.LatencyHistogram
}

// newMarkers returns nil where nothing is measured.
func newMarkers(t *Task, cfg *Latency) *markers {
	if cfg == nil {
		return nil
	}
	m := &markers{t: t, cfg: cfg, drawn: uint64(t.cfg.Subtask)}
	if t.sink != nil {
		for _, n := range t.cfg.Plan.Nodes {
			if h := cfg.Paths.Histogram(n.ID, t.sink.link.node.ID, metric.MarkerLatency); h != nil {
				m.arrived = append(m.arrived, arrival{n.ID, h})
			}
		}
	}
	return m
}

// read is called by a source that has records, before it passes them on. It
// returns the time now if a marker is to follow them, or 0.
func (m *markers) read() int64 {
	if m == nil || m.t.pace.last < m.due {
		return 0
	}
	now := m.t.host.Now()
	m.due = now + int64(m.cfg.Every)
	if m.cfg.Tracer != nil {
		m.tracing.begin(m.t, noChannel)
	}
	return now
}

// send sends a marker behind records that were read at a time.
func (m *markers) send(at int64) {
	mark := exchange.Marker{Source: m.t.links[0].node.ID, At: at}
	m.cfg.Paths.Sent.Add(1)
	now := m.t.host.Now()
	if m.cfg.Tracer != nil {
		m.tracing.end(m.t)
		now = m.t.host.Now()
		m.tracing.follow(noChannel, at, now)
		mark.Trace = m.cfg.Tracer.Begin(m.tracing.span(m.t, 0, at, -1))
	}
	m.pass(mark, now)
}

// noChannel is where a source has its records from.
const noChannel = -1

// before and after are called around the work on a batch.
func (m *markers) before(channel int) {
	if m != nil && m.cfg.Tracer != nil {
		m.tracing.begin(m.t, channel)
	}
}

func (m *markers) after() {
	if m != nil && m.cfg.Tracer != nil {
		m.tracing.end(m.t)
	}
}

// came takes the markers of a slot, whose batch has been processed.
func (m *markers) came(channel int, r *exchange.Rider) {
	if m == nil {
		return
	}
	now := m.t.host.Now()
	for ; r != nil; r = r.Next {
		if r.Trace != nil {
			m.tracing.follow(channel, r.Queued, now)
			r.Trace.Pass(m.tracing.span(m.t, 0, r.Queued, r.InFlight))
		}
		m.pass(r.Marker, now)
	}
}

// pass takes a marker through the chain: at each operator to one of those that
// read from it, drawn at random, so that there are never more of them than
// sources sent.
func (m *markers) pass(mark exchange.Marker, now int64) {
	for i, l := range m.t.links {
		if i > 0 && mark.Trace != nil {
			mark.Trace.Pass(m.tracing.span(m.t, i, 0, -1))
		}
		if m.t.sink != nil && l == m.t.sink.link {
			m.arrive(mark, now)
			return
		}
		ways := len(l.marked)
		if l.next != nil {
			ways++
		}
		if ways == 0 {
			break
		}
		if way := m.draw(ways); way < len(l.marked) {
			if l.marked[way].Mark(mark, now) {
				return
			}
			break
		}
	}
	m.cfg.Paths.Dropped.Add(1)
}

// draw is a random number below n, the same in each run.
func (m *markers) draw(n int) int {
	if n == 1 {
		return 0
	}
	m.drawn = m.drawn*6364136223846793005 + 1442695040888963407
	return int(m.drawn >> 33 % uint64(n))
}

// arrive counts the age of a marker at the sink.
func (m *markers) arrive(mark exchange.Marker, now int64) {
	m.cfg.Paths.Arrived.Add(1)
	for _, a := range m.arrived {
		if a.source == mark.Source {
			a.ages.Record(now, time.Duration(now-mark.At))
			return
		}
	}
}
