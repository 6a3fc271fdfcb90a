// Package memory reads records from a slice and collects them in one: for
// tests, examples and small tables. What a Collector holds grows with what is
// written to it.
package memory

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Source returns a bounded source of values, which must not change while a job
// uses it. They are dealt out: subtask i of n reads those with the indices i,
// i+n, i+2n and so on, as one split and in this order. They have no event time
// of their own. A job that is recovered, at any parallelism, goes on behind what
// was read; in another process the values must be the same.
func Source[T any](values []T) connector.Source[T] { return source[T]{values} }

type source[T any] struct{ values []T }

// Describe implements connector.Source.
func (s source[T]) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: fmt.Sprintf("%d values of %s", len(s.values), reflect.TypeFor[T]()),
		MaxParallelism: max(len(s.values), 1), Bounded: true}
}

// Open implements connector.Source.
func (s source[T]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	var positions [][]byte
	if sub.Resume != nil {
		for _, split := range sub.Resume.Splits {
			positions = append(positions, split.Position)
		}
	}
	place, _, err := connector.ResumeSequence(sub.Index, sub.Parallelism, positions)
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	r := &reader[T]{values: s.values, place: place, total: int64(max(0, (len(s.values)-sub.Index+sub.Parallelism-1)/sub.Parallelism))}
	r.read.Store(min(place.Passed(), r.total))
	return r, nil
}

// reader gives the values of one subtask.
type reader[T any] struct {
	values []T
	place  *connector.Sequence
	total  int64        // values of this subtask
	read   atomic.Int64 // of them, that were read
}

// Poll implements connector.Reader.
func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	start, next, step, most := dst.Len(), r.place.Next(), r.place.Step(), int64(len(r.values))
	run := r.place.Run(int64(limit.Records))
	for i := next; i < most && run > 0; i += step {
		dst.Append(r.values[i], event.MinTime)
		run--
	}
	n, _ := dst.Fit(start, limit.Bytes)
	dst.Truncate(start + n)
	if n > 0 {
		r.place.Advance(int64(n))
		r.read.Store(min(r.place.Passed(), r.total))
	}
	if r.place.Next() >= most {
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}

// Positions implements connector.Positioned.
func (r *reader[T]) Positions() ([]connector.Split, error) {
	return []connector.Split{{ID: r.place.ID(), Position: r.place.AppendPosition(nil, nil)}}, nil
}

// Splits implements connector.SplitLister: a subtask is one split.
func (r *reader[T]) Splits() []int { return []int{0} }

// SplitsChanged implements connector.SplitLister.
func (r *reader[T]) SplitsChanged() bool { return false }

// Progress implements connector.Progress, in values.
func (r *reader[T]) Progress() (done, total int64) {
	return r.read.Load(), r.total
}

// Close implements connector.Reader.
func (r *reader[T]) Close() error { return nil }
