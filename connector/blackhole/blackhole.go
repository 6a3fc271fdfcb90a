// Package blackhole is a sink that counts records and drops them, for
// measurements. It can be slow on purpose, to press the job ahead of it.
package blackhole

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Hole is a connector.Sink that keeps nothing of its records but their number
// and size. Its counts are over all jobs and subtasks that use it.
type Hole[T any] struct {
	perSecond float64 // 0: no limit
	records   atomic.Int64
	bytes     atomic.Int64
}

// Option changes a sink.
type Option func(*config)

type config struct{ perSecond float64 }

// Rate limits how many records a second all subtasks together take. The sink
// presses when it is offered more.
func Rate(perSecond float64) Option { return func(c *config) { c.perSecond = perSecond } }

// Sink returns a sink that drops records.
func Sink[T any](options ...Option) *Hole[T] {
	var c config
	for _, o := range options {
		o(&c)
	}
	return &Hole[T]{perSecond: c.perSecond}
}

// Records returns the number of records taken. It may be called from any
// goroutine.
func (h *Hole[T]) Records() int64 { return h.records.Load() }

// Bytes returns the memory that the taken records had. It may be called from
// any goroutine.
func (h *Hole[T]) Bytes() int64 { return h.bytes.Load() }

// Describe implements connector.Sink.
func (h *Hole[T]) Describe() connector.Description {
	target := "nowhere"
	if h.perSecond > 0 {
		target = fmt.Sprintf("nowhere, at most %g/s", h.perSecond)
	}
	return connector.Description{Kind: "blackhole", Target: target}
}

// Open implements connector.Sink.
func (h *Hole[T]) Open(_ context.Context, sub connector.Subtask) (connector.Writer[T], error) {
	w := &writer[T]{hole: h, sub: sub}
	if h.perSecond != 0 {
		each := h.perSecond / float64(sub.Parallelism)
		if !(each > 0 && each <= 1e12) {
			return nil, fmt.Errorf("blackhole: a rate of %g/s; it must be more than 0 and at most 1e12", h.perSecond)
		}
		w.limiter = rate.NewLimiter(rate.Limit(each), max(int(each*burst.Seconds()), 1))
	}
	return w, nil
}

// burst is how much time of its rate a writer takes at once.
const burst = 10 * time.Millisecond

type writer[T any] struct {
	hole    *Hole[T]
	sub     connector.Subtask
	limiter *rate.Limiter
	view    event.Records[T]

	mu     sync.Mutex // guards what follows: the timer runs on its own goroutine
	timer  *time.Timer
	closed bool
}

// Write implements connector.Writer.
func (w *writer[T]) Write(b *event.Records[T], from int) (int, error) {
	n := b.Len() - from
	if w.limiter != nil {
		now := time.Now()
		// At least one, so that AllowN decides: a token may be there but for rounding.
		take := min(n, max(int(w.limiter.TokensAt(now)), 1))
		if !w.limiter.AllowN(now, take) {
			take = 0
		}
		if take < n {
			w.wakeLater(min(n-take, w.limiter.Burst()))
		}
		n = take
	}
	if n == 0 {
		return 0, nil
	}
	w.view.Values, w.view.Times = b.Values[from:from+n], b.Times[from:from+n]
	w.hole.bytes.Add(w.view.Bytes())
	w.hole.records.Add(int64(n))
	w.view.Values, w.view.Times = nil, nil
	return n, nil
}

// wakeLater wakes the engine when n records may be taken, after at least one
// record's time and about a millisecond.
func (w *writer[T]) wakeLater(n int) {
	wait := time.Duration(float64(n) / float64(w.limiter.Limit()) * 1e9)
	wait = max(min(wait, burst), time.Duration(1e9/float64(w.limiter.Limit())), time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.wake)
		return
	}
	w.timer.Reset(wait)
}

func (w *writer[T]) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.sub.Wake()
	}
}

// Flush implements connector.Writer.
func (w *writer[T]) Flush(context.Context) error { return nil }

// Prepare implements connector.Preparer: there is nothing to keep.
func (w *writer[T]) Prepare() (connector.Prepared, error) { return connector.Prepared{}, nil }

// Commit implements connector.Preparer.
func (w *writer[T]) Commit(context.Context, [][]byte) error { return nil }

// Close implements connector.Writer.
func (w *writer[T]) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	return nil
}
