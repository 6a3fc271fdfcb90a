package metric

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Shape of a LatencyHistogram. Buckets are as wide as a 64th to a 128th of their
// value, so what is read is right to 1 %: two significant digits. Below 128 µs
// they are 1 µs wide.
const (
	latencySpan    = 10 * time.Second // of a window
	latencyWindows = 6                // the youngest of them is being filled
	latencyUnit    = int64(time.Microsecond)
	latencyBits    = 50 // the largest value: 35 years
	latencyBuckets = (latencyBits-7)*64 + 128
)

// LatencyHistogram counts durations of about the last minute: of the current
// window of 10 seconds and the five before. Any goroutine may call its methods. A
// nil one counts nothing.
type LatencyHistogram struct {
	windows atomic.Pointer[[latencyWindows]latencyWindow] // made by the first Record
	turn    sync.Mutex                                    // of a window that is cleared, or made
}

type latencyWindow struct {
	number  atomic.Int64 // of its span since the clock began, from 1
	count   atomic.Int64
	max     atomic.Int64
	buckets [latencyBuckets]atomic.Uint32
}

// Record counts a duration at now, nanoseconds of a clock that does not go back.
// Negative ones count as 0. It allocates at its first call only, and takes a lock
// only where a window begins.
func (h *LatencyHistogram) Record(now int64, d time.Duration) {
	if h == nil {
		return
	}
	number := now/int64(latencySpan) + 1
	all := h.windows.Load()
	if all == nil {
		all = h.begin()
	}
	w := &all[number%latencyWindows]
	if w.number.Load() < number {
		h.clear(w, number)
	}
	d = max(d, 0)
	w.buckets[latencyBucket(d)].Add(1)
	for old := w.max.Load(); int64(d) > old && !w.max.CompareAndSwap(old, int64(d)); {
		old = w.max.Load()
	}
	w.count.Add(1)
}

func (h *LatencyHistogram) begin() *[latencyWindows]latencyWindow {
	h.turn.Lock()
	defer h.turn.Unlock()
	all := h.windows.Load()
	if all == nil {
		all = new([latencyWindows]latencyWindow)
		h.windows.Store(all)
	}
	return all
}

// clear makes a window that of another span.
func (h *LatencyHistogram) clear(w *latencyWindow, number int64) {
	h.turn.Lock()
	defer h.turn.Unlock()
	if w.number.Load() >= number {
		return
	}
	for i := range w.buckets {
		w.buckets[i].Store(0)
	}
	w.count.Store(0)
	w.max.Store(0)
	w.number.Store(number)
}

// Read fills in the counts and quantiles as of now. What is recorded meanwhile
// may count or not.
func (h *LatencyHistogram) Read(now int64, l *Latency) {
	l.Count, l.P50, l.P99, l.P999, l.Max = 0, 0, 0, 0, 0
	if h == nil {
		return
	}
	all := h.windows.Load()
	if all == nil {
		return
	}
	last := now/int64(latencySpan) + 1
	var current []*latencyWindow
	for i := range all {
		w := &all[i]
		if n := w.number.Load(); n > last-latencyWindows && n > 0 {
			current = append(current, w)
			l.Count += w.count.Load()
			l.Max = max(l.Max, time.Duration(w.max.Load()))
		}
	}
	if l.Count == 0 {
		return
	}
	quantiles := []struct {
		perMille int64
		to       *time.Duration
	}{{500, &l.P50}, {990, &l.P99}, {999, &l.P999}}
	for i, seen := 0, int64(0); i < latencyBuckets && len(quantiles) > 0; i++ {
		for _, w := range current {
			seen += int64(w.buckets[i].Load())
		}
		for len(quantiles) > 0 && 1000*seen >= quantiles[0].perMille*l.Count {
			*quantiles[0].to = min(latencyOf(i), l.Max)
			quantiles = quantiles[1:]
		}
	}
	for _, q := range quantiles { // a window was cleared meanwhile
		*q.to = l.Max
	}
}

// latencyBucket is the bucket of a duration.
func latencyBucket(d time.Duration) int {
	v := uint64(min(int64(d)/latencyUnit, 1<<latencyBits-1))
	shift := max(bits.Len64(v)-7, 0)
	return shift<<6 + int(v>>shift)
}

// latencyOf is the middle of a bucket.
func latencyOf(bucket int) time.Duration {
	shift := max(bucket>>6-1, 0)
	low := int64(bucket-shift<<6) << shift
	return time.Duration(low*latencyUnit + latencyUnit<<shift/2)
}
