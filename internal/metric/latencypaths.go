package metric

import "sync/atomic"

// LatencyPaths has a histogram for each path that latencies are measured on, at
// most MaxLatencies. A nil one has none.
type LatencyPaths struct {
	// Sent, Arrived and Dropped count markers: by sources, at sinks, and where
	// there was no room or nobody read. Once a job has processed all of its input,
	// the latter two sum to the first.
	Sent, Arrived, Dropped atomic.Int64

	paths []latencyPath
}

type latencyPath struct {
	from, to int
	kind     string
	counted  *LatencyHistogram
}

// Add adds a path, unless there are as many as may be. It must not be called
// once others use the paths.
func (p *LatencyPaths) Add(from, to int, kind string) {
	if len(p.paths) < MaxLatencies {
		p.paths = append(p.paths, latencyPath{from, to, kind, new(LatencyHistogram)})
	}
}

// Histogram is that of a path, nil for one that was not added. Any goroutine may
// call it.
func (p *LatencyPaths) Histogram(from, to int, kind string) *LatencyHistogram {
	if p == nil {
		return nil
	}
	for _, l := range p.paths {
		if l.from == from && l.to == to && l.kind == kind {
			return l.counted
		}
	}
	return nil
}

// Read is what is known of each path as of now, in the order that they were
// added in. Paths without measurements are left out. Any goroutine may call it.
func (p *LatencyPaths) Read(now int64) (list []Latency) {
	if p == nil {
		return nil
	}
	for _, path := range p.paths {
		l := Latency{From: path.from, To: path.to, Kind: path.kind}
		if path.counted.Read(now, &l); l.Count > 0 {
			list = append(list, l)
		}
	}
	return list
}
