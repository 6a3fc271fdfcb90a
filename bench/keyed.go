package bench

import (
	"context"
	"sync"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// parallel is the number of sources and of keyed subtasks.
const parallel = 2

func fillKeyed(keys uint64) func([]Small, []event.Time, int, int) {
	return func(values []Small, times []event.Time, first, stream int) {
		times = times[:len(values)]
		for j := range values {
			values[j] = keyedAt(first+j, stream, keys)
			times[j] = event.Time(first + j)
		}
	}
}

// each runs f on goroutines and adds up what they return.
func each(f func(stream int) uint64) (sum uint64) {
	var wg sync.WaitGroup
	var sums [parallel][16]uint64 // a cache line each
	for g := range parallel {
		wg.Go(func() { sums[g][0] = f(g) })
	}
	wg.Wait()
	for g := range sums {
		sum += sums[g][0]
	}
	return sum
}

const exchanged = 4096 // keys of the exchange by itself

// exchangeRaw hashes and sums, on two goroutines that share nothing.
func exchangeRaw(n int) uint64 {
	return each(func(stream int) (s uint64) {
		var hashes uint64
		for i := range n / parallel {
			r := Small{Key: scramble(uint64(i)) & (exchanged - 1), Val: int64(i), TS: int64(i)}
			hashes += event.HashUint64(r.Key)
			s += uint64(r.Val) ^ r.Key
		}
		sunk.Store(hashes)
		return s
	})
}

func fillExchanged(values []Small, times []event.Time, first, _ int) {
	times = times[:len(values)]
	for j := range values {
		i := first + j
		values[j] = Small{Key: scramble(uint64(i)) & (exchanged - 1), Val: int64(i), TS: int64(i)}
		times[j] = event.Time(i)
	}
}

// exchange divides two streams by the hash of a key to two sinks.
func exchange(ctx context.Context, n int) (uint64, error) {
	j := afflux.NewJob("exchange", afflux.Parallelism(parallel))
	out := sink[Small]{fold: sumSmall}
	afflux.From(j, "source", source[Small]{n, fillExchanged}).Watermarks(afflux.InOrder()).
		KeyBy("key", (*Small).key).Stream().
		To("sum", &out, afflux.Parallelism(parallel))
	err := j.Run(ctx)
	return out.sum.Load(), err
}

// ticks is the event time of a window: as many records of each source.
const ticks = 2_000_000

// windowRaw counts by key and window in the engine's tables, on two goroutines
// that share nothing: each has half of the keys.
func windowRaw(keys uint64) func(n int) uint64 {
	return func(n int) uint64 {
		return each(func(stream int) (sum uint64) {
			const chunk = 256
			var ks [chunk]uint64
			var hs [chunk]uint64
			var out [chunk]*int64
			table := memory.NewTable[uint64, int64]()
			fire := func() {
				table.Range(0, func(_ uint64, _ uint64, c *int64) bool {
					sum += uint64(*c)
					return true
				})
				table.Clear()
			}
			for i, per, edge := 0, n/parallel, ticks; i < per; {
				m := min(chunk, per-i, edge-i)
				for k := range m {
					r := keyedAt(i+k, stream, keys/parallel)
					ks[k], hs[k] = r.Key, event.HashUint64(r.Key)
				}
				table.Lookup(ks[:m], hs[:m], out[:m])
				for _, c := range out[:m] {
					*c++
				}
				if i += m; i == edge {
					fire()
					edge += ticks
				}
			}
			fire()
			return sum
		})
	}
}

func sumCounts[K comparable](values []window.Result[K, int64]) (s uint64) {
	for i := range values {
		s += uint64(values[i].Value)
	}
	return s
}

// windowCount counts by key and window.
func windowCount(keys uint64) func(context.Context, int) (uint64, error) {
	return func(ctx context.Context, n int) (uint64, error) {
		j := afflux.NewJob("window", afflux.Parallelism(parallel))
		out := sink[window.Result[uint64, int64]]{fold: sumCounts[uint64]}
		afflux.From(j, "source", source[Small]{n, fillKeyed(keys)}).
			EventTime((*Small).when, afflux.InOrder()).
			KeyBy("key", (*Small).key).
			Window(window.Tumbling(ticks*time.Nanosecond)).
			Aggregate("count", afflux.Count[Small]()).
			To("sum", &out)
		err := j.Run(ctx)
		return out.sum.Load(), err
	}
}
