package diagnosis

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// scene is what a job does during some seconds.
type scene struct {
	seconds int
	ops     []op
	edges   []edge
	// cpu and gc are processors in use, of two, and the collector's part of them.
	cpu, gc float64
	waited  float64 // processors that were wanted besides
	heap    int64
	limit   int64
	// each may change a sample, by its number from 0.
	each func(second int, j *metric.Job)
}

// story returns a sample for each second of the scenes, and one before. All
// scenes have the same operators and edges.
func story(scenes ...scene) []*metric.Job {
	at := time.Unix(1_700_000_000, 0)
	j := &metric.Job{Name: "test", State: "running", Started: at.Add(-time.Minute), At: at}
	first := scenes[0]
	for i, o := range first.ops {
		n := o.subtasks()
		out := metric.Operator{ID: 10 + i, Name: o.name, Kind: o.kind, Chain: o.chain, Parallelism: n, Outside: o.outside, Bounded: o.bounded, Saltable: o.salt, Foldable: o.fold, Subtasks: make([]metric.Subtask, n)}
		for k := range out.Subtasks {
			out.Subtasks[k] = metric.Subtask{State: "running", Splits: -1, Wall: time.Minute, Idle: time.Minute, Counters: map[string]int64{}}
		}
		j.Operators = append(j.Operators, out)
	}
	for _, e := range first.edges {
		kind := e.kind
		switch {
		case kind != "":
		case first.ops[e.from].chain == first.ops[e.to].chain:
			kind = "chained"
		default:
			kind = "hash"
		}
		arrow := metric.Edge{From: 10 + e.from, To: 10 + e.to, Kind: kind}
		if kind != "chained" {
			for f := range first.ops[e.from].subtasks() {
				for t := range first.ops[e.to].subtasks() {
					arrow.Channels = append(arrow.Channels, metric.Channel{FromSubtask: f, ToSubtask: t})
				}
			}
		}
		j.Edges = append(j.Edges, arrow)
	}
	samples := []*metric.Job{j}
	first.dress(j, 0)
	for _, s := range scenes {
		for range s.seconds {
			j = s.after(j)
			s.dress(j, len(samples))
			samples = append(samples, j)
		}
	}
	return samples
}

func (o op) subtasks() int { return max(len(o.own), 1) }

// dress sets what is no counter.
func (s scene) dress(j *metric.Job, second int) {
	for i, o := range s.ops {
		for k := range j.Operators[i].Subtasks {
			t := &j.Operators[i].Subtasks[k]
			t.Gauges = nil
			if o.lagAt != nil {
				t.Gauges = []metric.Gauge{{Name: "lag", Value: o.lagAt(second) / float64(o.subtasks())}}
			}
			if o.kind == "source" && o.splits != nil {
				t.Splits = o.splits[k]
			}
			t.Calls, t.CallLimit = o.calls, o.limit
		}
	}
	for i, e := range s.edges {
		j.Edges[i].HotKeys = e.keys
	}
	j.Process.Processors, j.Process.HeapBytes, j.Process.LimitBytes = 2, s.heap, s.limit
	if s.each != nil {
		s.each(second, j)
	}
}

// after is the job a second later.
func (s scene) after(was *metric.Job) *metric.Job {
	share := func(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
	j := *was
	j.At = was.At.Add(time.Second)
	j.Process.CPU += share(s.cpu)
	j.Process.GC += share(s.cpu * s.gc)
	j.Process.Waited += share(s.waited)
	j.Operators = slices.Clone(was.Operators)
	for i, o := range s.ops {
		j.Operators[i].Subtasks = slices.Clone(was.Operators[i].Subtasks)
		n := int64(o.subtasks())
		for k := range j.Operators[i].Subtasks {
			t := &j.Operators[i].Subtasks[k]
			own, busy := o.busy, o.busy
			if o.own != nil {
				own = o.own[k]
				busy = max(own, o.busy)
			}
			in := float64(o.in) / float64(n)
			if o.inputs != nil {
				in = float64(o.in) * o.inputs[k]
			}
			t.RecordsIn += int64(in)
			t.RecordsOut += o.out / n
			t.Wall += time.Second
			t.Busy += share(busy)
			t.Blocked += share(o.blocked)
			t.Idle += share(1 - busy - o.blocked)
			t.External += share(o.external)
			t.Own += share(own)
			t.StateTime += share(own * o.state)
			t.Counters = map[string]int64{"throttled": t.Counters["throttled"] + o.throttled, "calls": t.Counters["calls"] + o.asked}
		}
	}
	j.Edges = slices.Clone(was.Edges)
	for i, e := range s.edges {
		a := &j.Edges[i]
		senders, receivers := s.ops[e.from].subtasks(), s.ops[e.to].subtasks()
		a.Blocked += share(e.blocked * float64(senders))
		a.Channels = slices.Clone(a.Channels)
		for k := range a.Channels {
			c := &a.Channels[k]
			part := 1 / float64(receivers)
			if e.waits != nil {
				part = e.waits[c.ToSubtask]
			}
			if a.Kind == "forward" {
				part = 1
			}
			c.Blocked += share(e.blocked * part)
		}
	}
	return &j
}

// steadily is a lag that begins somewhere and changes so much a second.
func steadily(from, perSecond float64) func(int) float64 {
	return func(second int) float64 { return max(from+perSecond*float64(second), 0) }
}
