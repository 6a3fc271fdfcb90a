package transform_test

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
	"github.com/affluxdev/afflux/window"
)

// BenchmarkSnapshotStops measures how long processing stops for the snapshot of
// an operator with a million keys, and how long it takes to begin from it.
func BenchmarkSnapshotStops(b *testing.B) {
	const keys = 1_000_000
	sum := transform.Fold[uint64, int64]{Add: func(a *int64, v *uint64) { *a += int64(*v) }, Merge: func(into, from *int64) { *into += *from }}
	for name, make := range map[string]func() operator.Operator{
		"timers": func() operator.Operator {
			var last *state.Value[int64]
			return transform.NewProcess[uint64, uint64, int64](keyItself, &function{
				open: func(s *transform.Scope[uint64, int64]) error {
					last = state.NewValue[int64](s.Store(), "last")
					return nil
				},
				process: func(s *transform.Scope[uint64, int64], v *uint64) error {
					last.Set(int64(*v))
					s.SetTimer(transform.EventTimer, event.Time(event.HashUint64(*v)>>10))
					return nil
				},
				onTimer: func(*transform.Scope[uint64, int64], event.Time, transform.TimerKind) error { return nil },
			}, transform.InMemory(memory.NewBackend[uint64]), nil)
		},
		"sessions": func() operator.Operator {
			return transform.NewSession(window.Session(time.Hour), window.Firing{}, keyItself, sum,
				func(uint64, window.Window, window.Timing, *int64, func(int64)) error { return nil }, transform.InTables(memory.NewTables[uint64, transform.Activity[int64]]))
		},
		"window": func() operator.Operator {
			return transform.NewWindow(window.Tumbling(time.Hour), keyItself, sum, transform.EachResult(func(uint64, window.Window, *int64) int64 { return 0 }), transform.InTables(memory.NewTables[uint64, int64]))
		},
	} {
		b.Run(name, func(b *testing.B) {
			ctx, op := &bench{now: time.Unix(1000, 0), snapshots: true}, make()
			if err := op.Open(ctx); err != nil {
				b.Fatal(err)
			}
			feed(b, op, keys)
			var first, longest, began time.Duration
			for b.Loop() {
				k, start := &statetest.Kept{}, time.Now()
				if err := op.(operator.Stateful).Snapshot(k); err != nil {
					b.Fatal(err)
				}
				took := time.Since(start)
				if first == 0 {
					first = took
				} else {
					longest = max(longest, took)
				}
				feed(b, op, keys/10) // while the snapshot is not written
				if err := k.Write(); err != nil {
					b.Fatal(err)
				}
				start = time.Now()
				restored(b, ctx, make(), k)
				began = time.Since(start)
			}
			b.ReportMetric(float64(first.Microseconds()), "first-us")
			b.ReportMetric(float64(longest.Microseconds()), "longest-us")
			b.ReportMetric(float64(began.Milliseconds()), "restore-ms")
		})
	}
}
