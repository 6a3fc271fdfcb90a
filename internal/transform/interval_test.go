package transform_test

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
)

// oneKey is the key of all records of the tests of joins.
func oneKey(*uint64) uint64 { return 7 }

func joinsOpen(t *testing.T, ctx *bench, op operator.Operator) (records func(port, n int, at func(int) event.Time), watermark func(event.Time)) {
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	in := event.NewRecords[uint64](1024)
	records = func(port, n int, at func(int) event.Time) {
		for i := range n {
			in.Append(uint64(i), at(i))
			in.Hashes = append(in.Hashes, event.HashUint64(7))
		}
		if err := op.(operator.Ported).ProcessPort(port, in); err != nil {
			t.Fatal(err)
		}
		in.Reset()
	}
	watermark = func(w event.Time) {
		ctx.now = ctx.now.Add(time.Second) // so that gauges are published
		if err := op.Watermark(w); err != nil {
			t.Fatal(err)
		}
	}
	return records, watermark
}

// State follows the watermark: what is over is dropped, on both sides, whether
// or not it was met.
func TestJoinsDropState(t *testing.T) {
	join := func(a, b *uint64) int64 { return 1 }
	backend := transform.InMemory(memory.NewBackend[uint64])
	for name, op := range map[string]operator.Operator{
		"inner": transform.NewInterval(oneKey, oneKey, transform.Interval[uint64, uint64, int64]{Upper: 100, Join: join}, backend),
		"full":  transform.NewInterval(oneKey, oneKey, transform.Interval[uint64, uint64, int64]{Lower: -50, Upper: 100, KeepLeft: true, KeepRight: true, Join: join}, backend),
		"as of": transform.NewTemporal(oneKey, oneKey, true, join, backend),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &bench{now: time.Unix(1000, 0)}
			records, watermark := joinsOpen(t, ctx, op)
			var warm float64
			for round := range 400 {
				start := event.Time(round * 500)
				records(0, 500, func(i int) event.Time { return start + event.Time(i) })
				records(1, 50, func(i int) event.Time { return start + event.Time(i*10) })
				watermark(start + 499)
				if round == 20 {
					warm = ctx.gauges["state_bytes"]
				}
			}
			if last := ctx.gauges["state_bytes"]; warm == 0 || last > 1.1*warm {
				t.Errorf("the state grew from %v bytes to %v", warm, last)
			}
			emitted := ctx.emitted
			watermark(event.MaxTime)
			if n := ctx.gauges["timers"]; n > 1 {
				t.Errorf("%v alarms are left", n)
			}
			if emitted == 0 {
				t.Error("nothing was emitted")
			}
		})
	}
}

// A record touches its interval, not all that is kept of its key: with a
// hundred times as much, it takes nowhere near as long.
func TestIntervalJoinTouchesItsInterval(t *testing.T) {
	took := func(buffered int) time.Duration {
		op := transform.NewInterval(oneKey, oneKey, transform.Interval[uint64, uint64, int64]{
			Lower: time.Duration(1000 * buffered), Upper: time.Duration(1000*buffered + 1000), Join: func(a, b *uint64) int64 { return 1 },
		}, transform.InMemory(memory.NewBackend[uint64]))
		records, _ := joinsOpen(t, &bench{now: time.Unix(1000, 0)}, op)
		for i := 0; i < buffered; i += 1000 { // newest first, in each thousand
			records(0, 1000, func(j int) event.Time { return event.Time(1000 * (i + 999 - j)) })
		}
		best, next := time.Hour, event.Time(1000*buffered)
		for range 5 {
			start := time.Now()
			for range 20 {
				records(1, 1000, func(int) event.Time { next += 10; return next })
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	few, many := took(1000), took(100_000)
	if many > 20*few {
		t.Errorf("20 000 records took %v with 1000 in the state, %v with 100 000", few, many)
	}
}
