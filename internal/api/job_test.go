package api

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// after is a job of a chained source and map, an operator that waits outside,
// and a sink, after some seconds. Enrich limits it.
func after(seconds int) *metric.Job {
	n := int64(seconds)
	part := func(share float64) time.Duration {
		return time.Duration(share * float64(seconds) * float64(time.Second))
	}
	subtask := func(busy, blocked, external, own float64) metric.Subtask {
		return metric.Subtask{
			RecordsIn: 1000 * n, RecordsOut: 500 * n, BytesIn: 24_000 * n, BytesOut: 12_000 * n,
			Busy: part(busy), Blocked: part(blocked), Idle: part(1 - busy - blocked), Wall: part(1),
			External: part(external), Own: part(own), State: "running", Splits: -1,
			Watermark: event.At(began.Add(part(1) - 4*time.Second)),
		}
	}
	clicks := subtask(0.2, 0.75, 0, 0.1)
	clicks.Done, clicks.Total, clicks.Buffered, clicks.BufferedBound = 10*n, 1000, 777, 4096
	clicks.Splits = 2
	for p, lag := range []float64{100, 250} {
		clicks.Gauges = append(clicks.Gauges, metric.Gauge{
			Name: "lag", Labels: []string{"topic", "clicks", "partition", itoa(p)}, Value: lag * float64(n),
		})
	}
	parse := subtask(0.2, 0.75, 0, 0.05)
	enrich := subtask(0.99, 0, 0.9, 0.98)
	enrich.Counters = map[string]int64{"throttled": 3 * n, "retries": n}
	enrich.Late, enrich.Skipped, enrich.DeadLettered = 2, 3, 4
	enrich.Calls, enrich.CallLimit = 199, 200
	enrich.StateTime = part(0.01)
	enrich.Gauges = []metric.Gauge{{Name: "state_bytes", Value: 4000}, {Name: "state_keys", Value: 50}, {Name: "state_access_ns", Value: 80},
		{Name: "state_entries", Labels: []string{"state", "seen"}, Value: 50}, {Name: "timers", Value: 7},
		{Name: "in_flight_calls", Value: 200}, {Name: "in_flight_bytes", Value: 9000}}
	for name, v := range map[string]float64{"oldest_unread_age_seconds": 60, "retention_headroom_records": 8000, "retention_seconds": 3600} {
		clicks.Gauges = append(clicks.Gauges, metric.Gauge{Name: name, Labels: []string{"topic", "clicks", "partition", "1"}, Value: v})
	}
	slices.SortStableFunc(clicks.Gauges, func(a, b metric.Gauge) int { return cmp.Compare(a.Name, b.Name) })
	out := subtask(0.1, 0, 0.05, 0.1)
	out.Watermark = event.MinTime
	j := &metric.Job{
		Name: "hot items", State: "running", Started: began, At: began.Add(part(1)), Restarts: 1,
		InFlightBytes: 5000, BoundBytes: 1 << 20, PeakInFlightBytes: 9000,
		Process: metric.Process{Processors: 4, CPU: part(1.5), GC: part(0.15), HeapBytes: 32 << 20, LimitBytes: 1 << 30},
		Latencies: []metric.Latency{
			{From: 1, To: 4, Kind: metric.MarkerLatency, Count: 60, P50: 2 * time.Millisecond, P99: 8 * time.Millisecond, P999: 9 * time.Millisecond, Max: 10 * time.Millisecond},
			{From: -1, To: 4, Kind: metric.EventTimeLatency, Count: 600, P50: 4 * time.Second, P99: 5 * time.Second, P999: 5 * time.Second, Max: 6 * time.Second},
		},
		Operators: []metric.Operator{
			{ID: 1, Name: "clicks", Kind: "source", Chain: 0, Parallelism: 1, Outside: "kafka clicks", Subtasks: []metric.Subtask{clicks}},
			{ID: 2, Name: "parse", Kind: "map", Chain: 0, Parallelism: 1, Subtasks: []metric.Subtask{parse}},
			{ID: 3, Name: "enrich", Kind: "async", Chain: 1, Parallelism: 2, Subtasks: []metric.Subtask{enrich, enrich}},
			{ID: 4, Name: "out", Kind: "sink", Chain: 2, Parallelism: 1, Outside: "kafka hot", Subtasks: []metric.Subtask{out}},
		},
		Edges: []metric.Edge{
			{From: 1, To: 2, Kind: "chained"},
			{From: 2, To: 3, Kind: "rebalance", Blocked: part(0.75), Channels: []metric.Channel{
				{ToSubtask: 0, InFlight: 3000, Window: 8192, Bound: 65536, Sent: 24_000 * n, Blocked: part(0.5)},
				{ToSubtask: 1, InFlight: 1000, Window: 8192, Bound: 65536, Sent: 24_000 * n, Blocked: part(0.25)},
			}},
			{From: 3, To: 4, Kind: "hash", HotKeys: []metric.HotKey{{Key: "shoes", Share: 0.375, Error: 0.02}}, Channels: []metric.Channel{
				{FromSubtask: 0, InFlight: 10, Window: 4096, Bound: 65536, Sent: 7 * n},
				{FromSubtask: 1, InFlight: 20, Window: 4096, Bound: 65536, Sent: 8 * n},
			}},
		},
	}
	for i := range j.Operators {
		for k := range j.Operators[i].Subtasks {
			j.Operators[i].Subtasks[k].Barrier = &metric.Barrier{StartDelay: time.Duration(1000 * (i + 1)), Alignment: time.Duration(k + 5)}
		}
	}
	j.Checkpoints = &metric.Checkpoints{Interval: 10 * time.Second, Completed: 3 * n, Failed: 2, InProgress: 1,
		Last: &metric.Checkpoint{ID: 31, Kind: "checkpoint", Began: j.At.Add(-2 * time.Second), Ended: j.At.Add(-time.Second), Duration: time.Second,
			Bytes: 4096, InFlight: 512, MaxStartDelay: 4000, MaxAlignment: 6, MaxSync: 2500 * time.Microsecond},
		Restored: &metric.Restored{ID: 3, Kind: "savepoint", Taken: began.Add(-time.Hour), At: began, Duration: 300 * time.Millisecond}}
	return j
}

// summed is a job as it is when it comes from the engine.
func summed(j *metric.Job) *metric.Job {
	for i := range j.Edges {
		sum := j.Edges[i].Totals()
		j.Edges[i].Sum = &sum
	}
	return j
}

// sampled is a sampler that has seen seconds 4 to 9 of a job and is at second 10.
func sampled(of func(int) *metric.Job) *metric.Sampler {
	job := of(4)
	s := metric.NewSampler(func() *metric.Job { return job })
	for second := 5; second <= 10; second++ {
		s.Sample()
		job = of(second)
	}
	return s
}

// sampledTo is one that has seen second 10 too.
func sampledTo(of func(int) *metric.Job) *metric.Sampler {
	s := sampled(of)
	s.Sample()
	return s
}

// hostile is a job whose connectors report names that no format allows.
func hostile(seconds int) *metric.Job {
	j := after(seconds)
	j.Name = "bad \xff \"name\"\n"
	s := &j.Operators[0].Subtasks[0]
	s.Counters = map[string]int64{"a b\n\"": 1, "": 2, "\xff": 3}
	s.Gauges = []metric.Gauge{
		{Name: "a-b", Value: 1}, {Name: "a.b", Value: 2}, {Name: "", Value: 3}, {Name: "__x", Value: 4}, {Name: "9", Value: 5},
		{Name: "odd", Labels: []string{"only-name"}, Value: 6},
		{Name: "own", Labels: []string{"subtask", "7", "job", "x", "exported_job", "y"}, Value: 7},
		{Name: "twice", Labels: []string{"l", "1", "l", "2"}, Value: 8},
		{Name: "nan", Value: math.NaN()}, {Name: "inf", Value: math.Inf(1)},
		{Name: "lag", Value: 10}, {Name: "lag", Labels: []string{"file", "x\xfe"}, Value: 11},
	}
	j.Edges = append(j.Edges, j.Edges[1]) // a second arrow between the same two
	return j
}

// large is a job of 50 operators, the arrows between them 16 by 16.
func large(seconds int) *metric.Job {
	j := after(seconds)
	j.Operators, j.Edges = nil, nil
	for i := range 50 {
		o := metric.Operator{ID: i, Name: fmt.Sprint("op", i), Kind: "map", Chain: i, Parallelism: 16, Subtasks: make([]metric.Subtask, 16)}
		j.Operators = append(j.Operators, o)
		if i > 0 {
			e := metric.Edge{From: i - 1, To: i, Kind: "hash"}
			for c := range 256 {
				e.Channels = append(e.Channels, metric.Channel{FromSubtask: c / 16, ToSubtask: c % 16, InFlight: 1})
			}
			j.Edges = append(j.Edges, e)
		}
	}
	return j
}
