package metric

import (
	"context"
	"sync"
	"time"
)

// Sampling of a running job.
const (
	// SampleInterval is the time between two samples, and the time that rates
	// are computed over.
	SampleInterval = time.Second
	// TrendInterval is the time that the growth of a lag is computed over: a
	// connector may hear only once a second how much input there is.
	TrendInterval = 4 * time.Second
	// MaxSamples is the most that a Sampler keeps: two minutes.
	MaxSamples = 120
)

// Sampler keeps the last snapshots of a job, so that whoever asks gets rates
// over the last second and not since the start. It is safe for concurrent use.
type Sampler struct {
	snapshot func() *Job

	mu   sync.Mutex
	ring []*Job // oldest first, at most MaxSamples
	// changed is closed, and replaced, when a sample has been kept.
	changed chan struct{}
}

// NewSampler returns a sampler of a job. The function returns a new snapshot
// at each call, which nobody changes afterwards, and may be called by several
// goroutines at a time; it may return nil while there is no job.
func NewSampler(snapshot func() *Job) *Sampler {
	return &Sampler{snapshot: snapshot, changed: make(chan struct{})}
}

// Run takes a sample each SampleInterval, the first one at once, until ctx
// ends.
func (s *Sampler) Run(ctx context.Context) {
	tick := time.NewTicker(SampleInterval)
	defer tick.Stop()
	for {
		s.Sample()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sample takes a snapshot and keeps it. The oldest one is forgotten when
// MaxSamples are kept, and all of them when the job has restarted, since its
// counters began anew.
func (s *Sampler) Sample() {
	job := s.snapshot()
	if job == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.ring); n > 0 && !sameRun(s.ring[n-1], job) {
		s.ring = nil
	}
	if len(s.ring) == MaxSamples {
		copy(s.ring, s.ring[1:])
		s.ring = s.ring[:MaxSamples-1]
	}
	s.ring = append(s.ring, job)
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed when the next sample has been kept.
// Who follows the samples asks for it before reading them, and misses none.
func (s *Sampler) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// sameRun tells whether b is a later snapshot of the run that a is of.
func sameRun(a, b *Job) bool {
	return a.Restarts == b.Restarts && a.Attempt == b.Attempt && a.Started.Equal(b.Started) && !b.At.Before(a.At)
}

// Pair returns a snapshot taken now and the youngest kept one that is at least
// SampleInterval older, or the oldest one there is. Both are the same while
// nothing is kept, and nil while there is no job. Nobody may change them.
func (s *Sampler) Pair() (before, now *Job) {
	now = s.snapshot()
	if now == nil {
		return nil, nil
	}
	before = now
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.ring) - 1; i >= 0; i-- {
		if !sameRun(s.ring[i], now) {
			break
		}
		before = s.ring[i]
		if now.At.Sub(before.At) >= SampleInterval {
			break
		}
	}
	return before, now
}

// Current returns a snapshot taken now and the rates of about the last
// SampleInterval. The snapshot is nil while there is no job.
func (s *Sampler) Current() (*Job, Rates) {
	before, now := s.Pair()
	if now == nil {
		return nil, Rates{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return now, s.rates(before, now)
}

// rates are those between two snapshots, the growth of lags and the part of the
// collector over TrendInterval. The caller holds the lock.
func (s *Sampler) rates(before, now *Job) Rates {
	r := Between(before, now)
	far := before
	for i := len(s.ring) - 1; i >= 0; i-- {
		j := s.ring[i]
		if !sameRun(j, now) || now.At.Sub(j.At) > TrendInterval {
			break
		}
		far = j
	}
	if !far.At.Before(before.At) {
		return r
	}
	trend := Between(far, now)
	for i := range r.Operators {
		r.Operators[i].LagGrowth = trend.Operators[i].LagGrowth
	}
	r.GC = trend.GC // it moves at the end of a collection only
	return r
}

// Latest returns the last sample kept and the rates between it and the one
// before, without taking a snapshot. It is nil before the first sample.
func (s *Sampler) Latest() (*Job, Rates) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.ring)
	if n == 0 {
		return nil, Rates{}
	}
	return s.ring[n-1], s.rates(s.ring[max(0, n-2)], s.ring[n-1])
}

// Samples returns the snapshots kept, oldest first.
func (s *Sampler) Samples() []*Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Job(nil), s.ring...)
}
