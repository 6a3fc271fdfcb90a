package job

import (
	"time"

	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/task"
)

// DefaultLatencyEvery is the time between two markers of a subtask of a source.
const DefaultLatencyEvery = time.Second

// latency is what tasks need to measure latencies, nil if they are not to.
func (c *Config) latency(p *graph.Plan) *task.Latency {
	if c.LatencyEvery < 0 {
		return nil
	}
	return &task.Latency{Every: c.LatencyEvery, Paths: paths(p), Tracer: c.Tracer}
}

// paths lists what latencies are measured on: each sink by event time, then each
// source with the sinks that it leads to. Dead letters are not measured.
func paths(p *graph.Plan) *metric.LatencyPaths {
	list := new(metric.LatencyPaths)
	reached := make([]map[int]bool, len(p.Nodes)) // the sources that lead to a node
	var sinks []int
	for id, n := range p.Nodes {
		reached[id] = map[int]bool{}
		if n.Source != nil {
			reached[id][id] = true
		}
		for _, in := range n.Inputs {
			if in.Output == p.Nodes[in.From].Letters {
				continue
			}
			for source := range reached[in.From] {
				reached[id][source] = true
			}
		}
		if n.Sink != nil && len(reached[id]) > 0 {
			sinks = append(sinks, id)
			list.Add(-1, id, metric.EventTimeLatency)
		}
	}
	for _, to := range sinks {
		for from := range p.Nodes {
			if reached[to][from] {
				list.Add(from, to, metric.MarkerLatency)
			}
		}
	}
	return list
}

// latencies are those of an attempt as of a time.
func (j *Job) latencies(g *Graph, at time.Time) []metric.Latency {
	return g.Latencies.Read(int64(at.Sub(j.epoch)) + 1)
}
