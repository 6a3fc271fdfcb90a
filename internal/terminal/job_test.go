package terminal

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// work is what each subtask of an operator does in a second.
type work struct {
	in, out                int64
	busy, blocked          float64
	external, own          float64
	lag                    float64
	late, skipped, dead    int64
	throttled, done, total int64
}

// pressed is a job of two tasks and a sink after some seconds, enrich being
// the bottleneck.
func pressed(seconds int) *metric.Job {
	j := &metric.Job{
		Name: "hot-items", State: "running", Started: began, At: began.Add(time.Duration(seconds) * time.Second),
		InFlightBytes: 3_300_000, BoundBytes: 16 << 20, PeakInFlightBytes: 4 << 20,
	}
	add := func(name, kind string, chain, par int, w work) {
		n := int64(seconds)
		part := func(share float64) time.Duration {
			return time.Duration(share * float64(seconds) * float64(time.Second))
		}
		o := metric.Operator{ID: len(j.Operators), Name: name, Kind: kind, Chain: chain, Parallelism: par}
		for range par {
			s := metric.Subtask{
				RecordsIn: n * w.in, RecordsOut: n * w.out, Wall: part(1),
				Busy: part(w.busy), Blocked: part(w.blocked), Idle: part(1 - w.busy - w.blocked),
				External: part(w.external), Own: part(w.own),
				Watermark: event.At(j.At.Add(-4200 * time.Millisecond)),
				Late:      n * w.late, Skipped: n * w.skipped, DeadLettered: n * w.dead,
				Counters: map[string]int64{"throttled": n * w.throttled},
				Done:     n * w.done, Total: w.total, State: "running",
			}
			if w.lag > 0 {
				s.Gauges = []metric.Gauge{{Name: "lag", Value: w.lag * float64(n)}}
			}
			o.Subtasks = append(o.Subtasks, s)
		}
		j.Operators = append(j.Operators, o)
	}
	add("clicks", "source", 0, 2, work{out: 6172, busy: 0.13, blocked: 0.87, own: 0.1, lag: 3900})
	add("parse", "map", 0, 2, work{in: 6172, out: 6172, busy: 0.13, blocked: 0.87, own: 0.03, dead: 1})
	add("enrich-with-the-profile-of-the-user", "async", 1, 2,
		work{in: 6172, out: 6172, busy: 0.98, external: 0.93, own: 0.97, throttled: 31})
	add("item", "key_by", 1, 2, work{in: 6172, out: 6172, busy: 0.98, own: 0.01})
	add("count", "window", 2, 4, work{in: 3086, out: 3, busy: 0.3, own: 0.25, late: 2})
	add("品目", "sink", 2, 4, work{in: 3, busy: 0.3, own: 0.05, external: 0.04})
	part := func(share float64) time.Duration {
		return time.Duration(share * float64(seconds) * float64(time.Second))
	}
	j.Edges = []metric.Edge{
		{From: 0, To: 1, Kind: "chained"},
		{From: 1, To: 2, Kind: "rebalance", Blocked: 2 * part(0.87), Channels: []metric.Channel{
			{InFlight: 1_200_000, Window: 1 << 20, Bound: 2 << 20}, {InFlight: 90_000, Window: 1 << 20, Bound: 2 << 20},
		}},
		{From: 2, To: 3, Kind: "chained"},
		{From: 3, To: 4, Kind: "hash", Channels: []metric.Channel{{InFlight: 700, Window: 1 << 20, Bound: 12 << 20}}},
		{From: 4, To: 5, Kind: "chained"},
	}
	return j
}

// bounded is a job that reads two files, without pressure.
func bounded(seconds int) *metric.Job {
	j := pressed(seconds)
	j.Name, j.Edges[1].Blocked = "flights", 0
	for i := range j.Operators {
		for k := range j.Operators[i].Subtasks {
			s := &j.Operators[i].Subtasks[k]
			s.Idle, s.Blocked, s.Gauges = s.Idle+s.Blocked, 0, nil
			if i == 0 {
				s.Done, s.Total = int64(seconds)*10, 1000
			}
		}
	}
	return j
}

// kept is bounded with checkpoints, the last one three seconds old.
func kept(seconds int) *metric.Job {
	j := bounded(seconds)
	last := &metric.Checkpoint{ID: 412, Kind: "checkpoint", Ended: j.At.Add(-3 * time.Second), Duration: 85 * time.Millisecond, Bytes: 4_718_592}
	last.Began = last.Ended.Add(-last.Duration)
	j.Checkpoints = &metric.Checkpoints{Completed: 411, Failed: 1, Last: last,
		Restored: &metric.Restored{ID: 17, Kind: "savepoint", Taken: began.Add(-time.Hour), At: began, Duration: 640 * time.Millisecond}}
	j.Restarts = 1
	return j
}

// stuck is a pressed job whose checkpoints fail of late.
func stuck(seconds int) *metric.Job {
	j := pressed(seconds)
	j.Checkpoints = kept(seconds).Checkpoints
	j.Checkpoints.Last.InFlight = 1 << 20
	j.Checkpoints.FailedSince, j.Checkpoints.Failed = 2, 3
	j.Restarts = 1
	j.Checkpoints.Failure = "count/1 did not acknowledge within 10m0s: \x1b[31mno space left on device"
	return j
}

// recovering is a job that works off a lag, its source holding records of its
// own.
func recovering(seconds int) *metric.Job {
	j := bounded(seconds)
	j.Name = "recovering"
	for k := range j.Operators[0].Subtasks {
		s := &j.Operators[0].Subtasks[k]
		s.Done, s.Total = 0, 0
		s.Buffered, s.BufferedBound = 9<<20, 64<<20
		s.Gauges = []metric.Gauge{{Name: "lag", Value: 200_000 - 5000*float64(seconds)}}
	}
	return j
}

// idle is a job without a single record.
func idle() *metric.Job {
	j := &metric.Job{Name: "quiet", State: "running", Started: began, At: began.Add(time.Second)}
	j.Operators = []metric.Operator{{Name: "in", Kind: "source", Parallelism: 1, Subtasks: []metric.Subtask{{
		Watermark: event.MinTime, State: "running",
	}}}}
	return j
}

// seen is a snapshot with its rates, and the finding of the seconds before.
func seen(of func(int) *metric.Job, second int) (*metric.Job, metric.Rates, *diagnosis.Finding) {
	var samples []*metric.Job
	for s := max(second-7, 0); s < second; s++ {
		samples = append(samples, of(s))
	}
	a, b := samples[len(samples)-1], of(second)
	return b, metric.Between(a, b), findingOf(samples, b)
}
