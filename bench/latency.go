package bench

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Latency is how long records take from the instant that they were due to the
// sink, over three stages joined by two exchanges.
type Latency struct {
	Rate, Records       int
	P50, P99, P999, Max time.Duration
}

// MeasureLatency sends records at a rate, per second, for that long. The source
// stamps each record with when it was due and not with when it was sent, so
// that a stall counts for every record that it delayed. While nothing is due
// it gives way to other goroutines and asks again, since a sleep is no shorter
// than a millisecond.
func MeasureLatency(ctx context.Context, rate int, d time.Duration) (*Latency, error) {
	epoch := time.Now().Add(50 * time.Millisecond)
	n := int(float64(rate) * d.Seconds())
	j := afflux.NewJob("latency", afflux.Parallelism(1))
	out := &delays{epoch: epoch}
	afflux.From(j, "source", &paced{epoch: epoch, rate: rate, n: n}).Watermarks(afflux.InOrder()).
		Update("triple", func(r *Small) { r.Val = r.Val*3 + 1 }, afflux.Unchained()).
		PartitionBy(func(r *Small, n int) int { return int(event.HashUint64(r.Key) >> 57 * uint64(n) >> 7) }).
		To("delays", out, afflux.Parallelism(parallel))
	if err := j.Run(ctx); err != nil {
		return nil, err
	}
	h := &out.all
	if h.n != n {
		return nil, fmt.Errorf("%d records arrived of %d", h.n, n)
	}
	return &Latency{rate, n, h.quantile(0.5), h.quantile(0.99), h.quantile(0.999), time.Duration(h.max)}, nil
}

// paced is a source with a fixed rate.
type paced struct {
	epoch   time.Time
	rate, n int
}

func (p *paced) Describe() connector.Description {
	return connector.Description{Kind: "paced", Bounded: true, MaxParallelism: 1}
}

func (p *paced) Open(_ context.Context, sub connector.Subtask) (connector.Reader[Small], error) {
	return &pacedReader{paced: p, wake: sub.Wake}, nil
}

type pacedReader struct {
	*paced
	wake func()
	next int
}

func (r *pacedReader) Poll(dst *event.Records[Small], limit connector.Limit) (connector.Status, error) {
	due := min(int(time.Since(r.epoch).Seconds()*float64(r.rate)), r.n)
	if due <= r.next {
		runtime.Gosched()
		r.wake()
		return connector.Status{State: connector.Idle}, nil
	}
	for end := min(due, r.next+limit.Records); r.next < end; r.next++ {
		at := int64(float64(r.next) * 1e9 / float64(r.rate))
		dst.Append(Small{Key: scramble(uint64(r.next)), Val: 1, TS: at}, event.Time(at))
	}
	if r.next == r.n {
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}

func (r *pacedReader) Close() error { return nil }

// delays is a sink that compares the stamps with the clock.
type delays struct {
	epoch time.Time
	mu    sync.Mutex
	all   histogram
}

func (d *delays) Describe() connector.Description { return connector.Description{Kind: "delays"} }

func (d *delays) Open(context.Context, connector.Subtask) (connector.Writer[Small], error) {
	return &delayWriter{delays: d}, nil
}

type delayWriter struct {
	*delays
	mine histogram
}

func (w *delayWriter) Write(b *event.Records[Small], from int) (int, error) {
	now := int64(time.Since(w.epoch))
	for i := range b.Values[from:] {
		w.mine.add(now - b.Values[from+i].TS)
	}
	return len(b.Values) - from, nil
}

func (w *delayWriter) Flush(context.Context) error { return nil }

func (w *delayWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.merge(&w.mine)
	return nil
}

// histogram counts nanoseconds in buckets of 3 %: 32 to each power of two.
type histogram struct {
	buckets [64 * 32]int
	n       int
	max     int64
}

func (h *histogram) add(v int64) {
	v = max(v, 0)
	h.max = max(h.max, v)
	h.n++
	h.buckets[bucket(uint64(v))]++
}

func (h *histogram) merge(o *histogram) {
	for i, c := range o.buckets {
		h.buckets[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

func bucket(v uint64) int {
	if v < 32 {
		return int(v)
	}
	shift := bits.Len64(v) - 6
	return (shift+1)*32 + int(v>>shift) - 32
}

// floor is the smallest value of a bucket.
func floor(b int) int64 {
	if b < 32 {
		return int64(b)
	}
	return int64(b%32+32) << (b/32 - 1)
}

func (h *histogram) quantile(q float64) time.Duration {
	rank, seen := int(q*float64(h.n)), 0
	for b, c := range h.buckets {
		if seen += c; seen > rank {
			return time.Duration(floor(b))
		}
	}
	return time.Duration(h.max)
}
