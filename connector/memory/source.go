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
// of their own.
func Source[T any](values []T) connector.Source[T] { return source[T]{values} }

type source[T any] struct{ values []T }

// Describe implements connector.Source.
func (s source[T]) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: fmt.Sprintf("%d values of %s", len(s.values), reflect.TypeFor[T]()),
		MaxParallelism: max(len(s.values), 1), Bounded: true}
}

// Open implements connector.Source.
func (s source[T]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	return &reader[T]{values: s.values, index: sub.Index, step: sub.Parallelism}, nil
}

// reader gives the values at index, index+step, index+2*step ...
type reader[T any] struct {
	values      []T
	index, step int
	read        atomic.Int64 // values given so far
}

// Poll implements connector.Reader.
func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	start := dst.Len()
	next := r.index + int(r.read.Load())*r.step
	for i := next; i < len(r.values) && dst.Len()-start < limit.Records; i += r.step {
		dst.Append(r.values[i], event.MinTime)
	}
	n, _ := dst.Fit(start, limit.Bytes)
	dst.Truncate(start + n)
	r.read.Add(int64(n))
	if next+n*r.step >= len(r.values) {
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}

// Splits implements connector.SplitLister: a subtask is one split.
func (r *reader[T]) Splits() []int { return []int{0} }

// SplitsChanged implements connector.SplitLister.
func (r *reader[T]) SplitsChanged() bool { return false }

// Progress implements connector.Progress, in values.
func (r *reader[T]) Progress() (done, total int64) {
	return r.read.Load(), int64(max(0, (len(r.values)-r.index+r.step-1)/r.step))
}

// Close implements connector.Reader.
func (r *reader[T]) Close() error { return nil }
