package main

import (
	"context"
	"math"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/internal/checkpoint"
)

// well is a job with nothing wrong: nothing above a note may be said of it.
type well struct {
	graph       string
	parallelism int
	chained     bool
	heavy       bool
	set         func(b *builder)
	// stages are the operators that do something, by name.
	stages map[string]*way
}

// healthyNames are the names of healthy, in order.
var healthyNames = []string{
	"steady", "bursts", "swings", "nearly idle", "catching up", "windows", "join", "room for calls", "checkpoints", "ends",
}

var healthy = map[string]well{
	// Little work, evenly: a machine that is busy with other things has room for it.
	"steady": {graph: "chain", parallelism: 2, heavy: true, stages: works("middle", 50*time.Microsecond)},
	// Ten times as much for a tenth of each second.
	"bursts": {graph: "behind", parallelism: 2, chained: true, heavy: true, stages: works("last", 20*time.Microsecond), set: func(b *builder) {
		b.shape = func(t *topic) {
			t.rate = func(at time.Duration) float64 {
				if at%time.Second < time.Second/10 {
					return 10 * b.rate
				}
				return b.rate / 10
			}
		}
	}},
	"swings": {graph: "diamond", parallelism: 1, heavy: true, stages: works("left", 50*time.Microsecond), set: func(b *builder) {
		b.shape = func(t *topic) {
			t.rate = func(at time.Duration) float64 { return b.rate * (1 + math.Sin(at.Seconds())) }
		}
	}},
	"nearly idle": {graph: "fan-out", parallelism: 4, chained: true, set: func(b *builder) { b.rate = 2 }},
	// It is behind, writes as much as the other side takes, and comes nearer all the
	// time.
	"catching up": {graph: "chain", parallelism: 1, stages: map[string]*way{"sink": {sink: limited}}, set: func(b *builder) {
		b.shape = func(t *topic) { t.backlog = 200_000 }
	}},
	"windows": {graph: "windows", parallelism: 4, chained: true, set: func(b *builder) {
		b.rate = 20_000
		b.key = func(seq int64) int64 { return seq % 1009 }
	}},
	"join": {graph: "join", parallelism: 2, set: func(b *builder) { b.rate = 5000 }},
	// Calls that take 20 ms, of which there may be ten times as many.
	"room for calls": {graph: "chain", parallelism: 1, stages: map[string]*way{"middle": {stage: roomy}}, set: func(b *builder) { b.rate = 200 }},
	"checkpoints": {graph: "keyed", parallelism: 2, set: func(b *builder) {
		b.rate = 5000
		b.key = func(seq int64) int64 { return seq * 7919 % 100_003 }
		store, err := checkpoint.NewDirectory(b.directory())
		if err != nil {
			b.fail(err)
			return
		}
		b.job.Set(afflux.CheckpointsIn(store, afflux.Every(time.Second)))
	}},
	// It reads all there is as fast as it can, and ends.
	"ends": {graph: "keyed", parallelism: 2, chained: true, set: func(b *builder) {
		b.rate = 5000
		b.shape = func(t *topic) { t.count = 50_000 }
	}},
}

// limited is a sink that takes four times what comes, and no more.
func limited(b *builder, _ string) connector.Sink[Record] {
	return blackhole.Sink[Record](blackhole.Rate(4 * b.rate))
}

// works is a stage with some work for each record.
func works(at string, d time.Duration) map[string]*way {
	return map[string]*way{at: {
		stage: func(_ *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
			return s.Update(name, func(*Record) { spin(d) })
		},
	}}
}

// roomy asks a service that answers in 20 ms.
func roomy(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	out := b.service()
	out.delay.Store(int64(20 * time.Millisecond))
	return s.MapAsync(name, func(ctx context.Context, v *Record) (Record, error) {
		return *v, out.ask(ctx, v.Seq)
	}, afflux.InFlight(40))
}
