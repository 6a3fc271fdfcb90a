package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Record is what flows through every job of the suite: 256 bytes, so that
// a batch has few of them.
type Record struct {
	Key, Seq int64
	Fill     [240]byte
}

// topic is a log outside of the job: records come to it at a rate that the
// readers do not decide, and wait there. It is described to the engine as a
// connector written by a user would be.
type topic struct {
	name   string
	splits int
	// rate is the records a second that come, at a time since the start.
	rate func(at time.Duration) float64
	key  func(seq int64) int64
	// read is how many records were read by an earlier run, backlog how many are
	// there at the start beyond them, and jump those that come at once while
	// jumped says so. count, if positive, is all there will be.
	read, backlog, jump, count int64
	jumped                     func() bool
	// decode is the work of reading one record.
	decode func()
	// fetch is the records a second that a reader gets at most, 0 for any.
	fetch func() float64
	// keeps is the number of records that a split keeps before it deletes the
	// oldest, 0 for all.
	keeps int64

	mu       sync.Mutex
	began    time.Time
	advanced time.Duration
	produced float64
}

// grain is the step in which the rate of a topic is integrated.
const grain = 5 * time.Millisecond

// end is how many records of a split there are now.
func (t *topic) end(split int) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.began.IsZero() {
		t.began, t.produced = now, float64(t.read+t.backlog)
	}
	for at := now.Sub(t.began); t.advanced < at; {
		step := min(grain, at-t.advanced)
		t.produced += t.rate(t.advanced) * step.Seconds()
		t.advanced += step
	}
	n := int64(t.produced)
	if t.jumped != nil && t.jumped() {
		n += t.jump
	}
	if t.count > 0 {
		n = min(n, t.count)
	}
	return (n + int64(t.splits-1-split)) / int64(t.splits)
}

// Describe implements connector.Source.
func (t *topic) Describe() connector.Description {
	return connector.Description{Kind: "log", Target: t.name, Bounded: t.count > 0}
}

// Open implements connector.Source.
func (t *topic) Open(_ context.Context, sub connector.Subtask) (connector.Reader[Record], error) {
	if t.splits < 1 {
		return nil, fmt.Errorf("topic %q has %d splits: it needs one at least", t.name, t.splits)
	}
	r := &reader{topic: t, sub: sub, own: []int{}} // that it has none is known
	for s := sub.Index; s < t.splits; s += sub.Parallelism {
		r.own = append(r.own, s)
	}
	r.next = make([]int64, len(r.own))
	for i := range r.next {
		r.next[i] = t.read / int64(t.splits)
	}
	return r, nil
}

// reader reads some splits of a topic in turn.
type reader struct {
	topic *topic
	sub   connector.Subtask
	own   []int
	turn  int

	fetched time.Time // when the allowance was last filled up
	allowed float64   // records that may be fetched now

	mu   sync.Mutex
	next []int64 // by own; also read by Measure
}

// again is when a reader that found nothing looks again.
const again = 2 * time.Millisecond

// Poll implements connector.Reader.
func (r *reader) Poll(dst *event.Records[Record], limit connector.Limit) (connector.Status, error) {
	most := int64(min(limit.Records, dst.Cap()))
	if r.topic.fetch != nil {
		most = min(most, r.allowance())
	}
	done := r.topic.count > 0
	for range r.own {
		i := r.turn
		r.turn = (r.turn + 1) % len(r.own)
		split := r.own[i]
		end := r.topic.end(split)
		n := min(end-r.next[i], most)
		if n > 0 {
			r.read(dst, i, n)
			return connector.Status{Split: split}, nil
		}
		done = done && end == r.ofAll(split) && r.next[i] == end
	}
	if done {
		return connector.Status{State: connector.Done}, nil
	}
	if len(r.own) == 0 {
		return connector.Status{State: connector.Idle}, nil // for ever: it has no split
	}
	return connector.Status{State: connector.Idle, After: again}, nil
}

// ofAll is how many records a split of a topic with an end has at last.
func (r *reader) ofAll(split int) int64 {
	return (r.topic.count + int64(r.topic.splits-1-split)) / int64(r.topic.splits)
}

func (r *reader) read(dst *event.Records[Record], i int, n int64) {
	t, now := r.topic, event.At(time.Now())
	for k := range n {
		seq := (r.next[i]+k)*int64(t.splits) + int64(r.own[i])
		v := dst.Next(now)
		v.Seq, v.Key = seq, seq
		if t.key != nil {
			v.Key = t.key(seq)
		}
		if t.decode != nil {
			t.decode()
		}
	}
	r.allowed -= float64(n)
	r.mu.Lock()
	r.next[i] += n
	r.mu.Unlock()
}

// allowance is how many records have come over the wire since it was asked.
func (r *reader) allowance() int64 {
	rate, now := r.topic.fetch(), time.Now()
	if rate <= 0 {
		r.fetched, r.allowed = now, 0
		return 1 << 30
	}
	r.allowed = min(r.allowed+rate*now.Sub(r.fetched).Seconds(), rate/20)
	r.fetched = now
	return int64(r.allowed)
}

// Measure implements connector.Measured with the gauges of the Kafka source.
func (r *reader) Measure(gauge func(name string, value float64, labels ...string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, split := range r.own {
		end := r.topic.end(split)
		labels := []string{"topic", r.topic.name, "partition", strconv.Itoa(split)}
		gauge("lag", float64(end-r.next[i]), labels...)
		if keeps := r.topic.keeps; keeps > 0 {
			gauge("retention_headroom_records", float64(r.next[i]-max(end-keeps, 0)), labels...)
		}
	}
}

// Splits implements connector.SplitLister.
func (r *reader) Splits() []int { return r.own }

// SplitsChanged implements connector.SplitLister.
func (r *reader) SplitsChanged() bool { return false }

// Close implements connector.Reader.
func (r *reader) Close() error { return nil }
