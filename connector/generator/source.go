// Package generator is a source of made-up records at a chosen rate, for
// demonstrations, tests and measurements.
//
// A record follows from its index alone, so that every run gives the same
// records. A job that is recovered goes on with the records that were not yet
// produced, at any parallelism, and with the same schedule: what was due while it
// was down is due at once.
//
// The event time of a record is the time at which it was due: when
// the generator is held up, the wait counts as latency.
package generator

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Source generates records: fill sets the fields of v, which is zero, from the
// index i, counted from 0 over all subtasks. fill is called by several
// goroutines, each with indexes of its own; subtask k of p has the indexes k,
// k+p, k+2p and so on.
func Source[T any](fill func(i int64, v *T), options ...Option) connector.Source[T] {
	return newSource(func(i int64, _ event.Time, v *T) { fill(i, v) }, fill, options)
}

// Timed is a Source whose records may hold the time at which they were due.
func Timed[T any](fill func(i int64, due event.Time, v *T), options ...Option) connector.Source[T] {
	return newSource(fill, nil, options)
}

type source[T any] struct {
	timed  func(int64, event.Time, *T)
	plain  func(int64, *T) // nil for Timed
	config config
}

func newSource[T any](timed func(int64, event.Time, *T), plain func(int64, *T), options []Option) connector.Source[T] {
	s := &source[T]{timed: timed, plain: plain, config: config{count: -1, clock: time.Now}}
	for _, o := range options {
		o(&s.config)
	}
	return s
}

// Describe implements connector.Source.
func (s *source[T]) Describe() connector.Description {
	target := "as fast as taken"
	if s.config.profile != nil {
		target = s.config.profile.name
	}
	return connector.Description{Kind: "generator", Target: target, Bounded: s.config.count >= 0 || s.config.length > 0}
}

// Open implements connector.Source.
func (s *source[T]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	r := &reader[T]{source: s, sub: sub, last: s.config.count}
	if err := r.resume(); err != nil {
		return nil, fmt.Errorf("generator: %w", err)
	}
	if p := s.config.profile; p != nil {
		if p.total == nil {
			return nil, fmt.Errorf("generator: %s: rates are at least 0, at most 1e12 records/s, and times are in order", p.name)
		}
		r.schedule = newSchedule(*p, r.place.Next())
		if d := s.config.length; d > 0 {
			if due := r.schedule.count(d); r.last < 0 || due < r.last {
				r.last = due
			}
		}
	}
	if typ := event.TypeOf[T](); !typ.Variable() {
		r.size = int64(typ.Size())
	}
	return r, nil
}
