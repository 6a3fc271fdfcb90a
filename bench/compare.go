package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// sunk keeps results alive that a loop computes for the work only.
var sunk atomic.Uint64

// Path is one way through the engine and the loop that does the same work.
// Both process n records and return a checksum, the same for both.
type Path struct {
	Name    string
	Against string // what the loop is
	Records int
	// Must is the ratio that has to be reached, Aim the one that is wanted; 0
	// for a path that is measured for information.
	Must, Aim float64
	Raw       func(n int) uint64
	Engine    func(ctx context.Context, n int) (uint64, error)
}

const wordsName = "string keys, 1 M"

// Paths are the local paths. Records are chosen for some tenths of a second a run.
var Paths = []Path{
	{"fused chain, 24 B", "one loop", 16e6, 0.15, 0.35, chainSmallRaw, chainSmall},
	{"fused chain, 24 B, new records, times by function", "one loop", 16e6, 0, 0, chainSmallRaw, chainSmallMap},
	{"fused chain, 64 B with strings", "one loop", 10e6, 0.40, 0.60, chainWideRaw, chainWide},
	{"fused chain, 64 B with strings", "one loop by pointer, over a buffer", 10e6, 0, 0, chainWideBuffer, chainWide},
	{"local exchange 2 x 4 KiB", "fill and read a buffer", 20e6, 0.20, 0.40, bufferRaw, local},
	{"local exchange 2 x 4 KiB", "one loop", 20e6, 0.055, 0, loopRaw, local},
	{"keyed exchange 2x2, 32 KiB", "2 loops, no exchange", 20e6, 0.18, 0.27, exchangeRaw, exchange},
	{"keyed window count, 10 k keys", "same tables, no exchange", 12e6, 0.50, 0.70, windowRaw(10_000), windowCount(10_000)},
	{"keyed window count, 1 M keys", "same tables, no exchange", 16e6, 0.60, 0.80, windowRaw(1_000_000), windowCount(1_000_000)},
	{"sliding windows, 60 panes, 10 k keys", "one tumbling window", 12e6, 0.67, 0, tumblingCount(10_000), slidingCount(10_000)},
	{"session windows, 10 k keys", "same tables, no exchange", 12e6, 0, 0, windowRaw(10_000), sessionCount(10_000)},
	{"session windows, 1 M keys", "same tables, no exchange", 12e6, 0, 0, windowRaw(1_000_000), sessionCount(1_000_000)},
	{wordsName, "map[string]*S, 1 loop", 8e6, 3, 0, wordsRaw(1_000_000, 1), wordCount(1_000_000)},
	{wordsName, "map[string]*S, 2 loops", 8e6, 0, 0, wordsRaw(1_000_000, 2), wordCount(1_000_000)},
}

// Spread is what several repetitions gave.
type Spread struct{ Median, Min, Max float64 }

func spread(values []float64) Spread {
	s := slices.Sorted(slices.Values(values))
	return Spread{s[len(s)/2], s[0], s[len(s)-1]}
}

// Result is the measurement of a path.
type Result struct {
	Path
	// Ratio of the engine's rate to the loop's; Control of the loop's to its
	// own a moment later.
	Ratio, Control Spread
	// Best is the ratio of the best rates: disturbances only slow down.
	Best float64
	// Work is the ratio of the processor time of the loop to the engine's, which
	// other processes disturb less; waiting costs nothing here. 0 where
	// processor time is not known.
	Work Spread
	// RawRate and Rate are records per second.
	RawRate, Rate Spread
	// RawBusy and Busy are seconds of processor time of a run.
	RawBusy, Busy Spread
	// Allocs and AllocBytes are per record of the engine, start and stop of
	// the job included.
	Allocs, AllocBytes float64
}

// OK tells whether the best rate of the engine has reached Must.
func (r *Result) OK() bool { return r.Best >= r.Must }

// Compare measures a path: the loop, the engine, the loop again, so many times.
func Compare(ctx context.Context, p Path, repetitions int) (*Result, error) {
	n := p.Records
	var rawBusy, busy, ratio, control, work, raw, rate, allocs, bytes []float64
	for rep := range repetitions + 1 {
		a, loop, sum := clocked(func() uint64 { return p.Raw(n) })
		var err error
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, engine, got := clocked(func() (s uint64) { s, err = p.Engine(ctx, n); return s })
		runtime.ReadMemStats(&after)
		b, loop2, again := clocked(func() uint64 { return p.Raw(n) })
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		case got != sum || again != sum:
			return nil, fmt.Errorf("%s: the engine's checksum is %x, the loop's %x and %x", p.Name, got, sum, again)
		}
		if rep == 0 {
			continue // to warm up
		}
		ratio = append(ratio, (a+b)/2/e)
		control = append(control, a/b)
		raw = append(raw, float64(n)/a, float64(n)/b)
		rawBusy = append(rawBusy, loop.Seconds(), loop2.Seconds())
		busy = append(busy, engine.Seconds())
		work = append(work, float64(loop)/float64(max(engine, 1)))
		rate = append(rate, float64(n)/e)
		allocs = append(allocs, float64(after.Mallocs-before.Mallocs)/float64(n))
		bytes = append(bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	}
	r := &Result{Path: p, Ratio: spread(ratio), Control: spread(control), Work: spread(work), RawRate: spread(raw), Rate: spread(rate), RawBusy: spread(rawBusy), Busy: spread(busy),
		Allocs: slices.Min(allocs), AllocBytes: slices.Min(bytes)}
	r.Best = r.Rate.Max / r.RawRate.Max
	return r, nil
}

// clocked runs f on a clean heap and returns the seconds that it took, and the
// processor time of all threads.
func clocked(f func() uint64) (seconds float64, used time.Duration, result uint64) {
	runtime.GC()
	start, before := time.Now(), cpuTime()
	result = f()
	return time.Since(start).Seconds(), cpuTime() - before, result
}
