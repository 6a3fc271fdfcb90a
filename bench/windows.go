package bench

import (
	"context"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/window"
)

// A slide is as many nanoseconds of event time, and as many records of each
// source: a second at a million records a second.
const (
	slide     = 500_000
	perWindow = 60 // slides
)

// windowed counts by key in windows. Each record is in as many of them.
func windowed(keys uint64, d window.Definition, each uint64) func(context.Context, int) (uint64, error) {
	return func(ctx context.Context, n int) (uint64, error) {
		j := afflux.NewJob("window", afflux.Parallelism(parallel))
		out := sink[window.Result[uint64, int64]]{fold: sumCounts[uint64]}
		afflux.From(j, "source", source[Small]{n, fillKeyed(keys)}).
			EventTime((*Small).when, afflux.InOrder()).
			KeyBy("key", (*Small).key).
			Window(d).
			Aggregate("count", afflux.Count[Small]()).
			To("sum", &out)
		err := j.Run(ctx)
		return out.sum.Load() / each, err
	}
}

// tumblingCount is what sliding windows are compared with: one window of the
// same size.
func tumblingCount(keys uint64) func(n int) uint64 {
	run := windowed(keys, window.Tumbling(perWindow*slide*time.Nanosecond), 1)
	return func(n int) uint64 {
		sum, err := run(context.Background(), n)
		if err != nil {
			return 0 // the checksum differs
		}
		return sum
	}
}

func slidingCount(keys uint64) func(context.Context, int) (uint64, error) {
	return windowed(keys, window.Sliding(perWindow*slide*time.Nanosecond, slide*time.Nanosecond), perWindow)
}

// sessionCount has sessions that end: a key is silent for longer than the gap
// between two of its records now and then, since records come at random.
func sessionCount(keys uint64) func(context.Context, int) (uint64, error) {
	return windowed(keys, window.Session(time.Duration(keys)*2*time.Nanosecond), 1)
}
