package transform_test

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// BenchmarkSessions measures a record of a session count: many keys with runs
// of records, out of order by up to a second, and a watermark for each batch.
func BenchmarkSessions(b *testing.B) {
	type hit struct{ key uint64 }
	for _, c := range []struct {
		name string
		keys uint64
		gap  time.Duration
	}{{"10k keys", 10_000, time.Second}, {"1M keys", 1_000_000, 10 * time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			count := transform.Fold[hit, int64]{Add: func(a *int64, _ *hit) { *a++ }, Merge: func(into, from *int64) { *into += *from }}
			op := transform.NewSession(window.Session(c.gap), window.Firing{}, func(h *hit) uint64 { return h.key }, count,
				func(k uint64, _ window.Window, _ window.Timing, a *int64, emit func(int64)) error {
					emit(*a)
					return nil
				},
				transform.InTables(memory.NewTables[uint64, transform.Activity[int64]]))
			ctx := &quiet{}
			if err := op.Open(ctx); err != nil {
				b.Fatal(err)
			}
			const size, each = 1024, 10 * time.Microsecond // records of a batch; between records
			batch := event.NewRecords[hit](size)
			now, rng := event.Time(0), uint64(1)
			b.ReportAllocs()
			for n := 0; n < b.N; n += size {
				batch.Truncate(0)
				batch.Hashes = batch.Hashes[:0]
				for range size {
					rng = rng*6364136223846793005 + 1442695040888963407
					now += event.Time(each)
					// Half of the keys are in use for some time, then the other half.
					key := (rng>>33)%(c.keys/2) + c.keys/2*uint64(now/event.Time(3*c.gap)%2)
					batch.Append(hit{key}, now-event.Time(rng>>20%1e9))
					batch.Hashes = append(batch.Hashes, event.HashUint64(key))
				}
				if err := op.Process(batch); err != nil {
					b.Fatal(err)
				}
				if err := op.Watermark(now - 1e9); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
			b.ReportMetric(float64(ctx.results), "results")
		})
	}
}

// quiet is a context that counts results.
type quiet struct {
	operator.Context
	results int
}

func (c *quiet) Output(i int) operator.Output {
	if i > 0 {
		return nil
	}
	return c
}
func (c *quiet) Emit(b event.Batch)    { c.results += b.Len(); b.Reset() }
func (c *quiet) Watermark(event.Time)  {}
func (c *quiet) Count(string, int64)   {}
func (c *quiet) BatchCapacity(int) int { return 1024 }
func (c *quiet) Now() time.Time        { return time.Time{} }
