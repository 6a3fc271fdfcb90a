package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// source makes n records in all, dealt out to its subtasks in equal parts.
type source[T any] struct {
	n int
	// fill writes records from index first on of a subtask's part.
	fill func(values []T, times []event.Time, first, stream int)
}

func (s source[T]) Describe() connector.Description {
	return connector.Description{Kind: "loop", Bounded: true}
}

func (s source[T]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	r := &reader[T]{fill: s.fill, n: s.n / sub.Parallelism, stream: sub.Index}
	if sub.Resume == nil {
		return r, nil
	}
	if len(sub.Resume.Splits) != sub.Parallelism {
		return nil, fmt.Errorf("the checkpoint is of %d sources, and there are %d", len(sub.Resume.Splits), sub.Parallelism)
	}
	for _, split := range sub.Resume.Splits {
		if split.ID != strconv.Itoa(sub.Index) {
			continue
		}
		at, err := strconv.Atoi(string(split.Position))
		if err != nil || at < 0 || at > r.n {
			return nil, fmt.Errorf("the checkpoint has source %d at %q of %d", sub.Index, split.Position, r.n)
		}
		r.at = at
	}
	return r, nil
}

type reader[T any] struct {
	fill          func(values []T, times []event.Time, first, stream int)
	at, n, stream int
}

func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	n := min(limit.Records, r.n-r.at)
	dst.Grow(n)
	dst.Values, dst.Times = dst.Values[:n], dst.Times[:n]
	r.fill(dst.Values, dst.Times, r.at, r.stream)
	if r.at += n; r.at == r.n {
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}

// Positions implements connector.Positioned.
func (r *reader[T]) Positions() ([]connector.Split, error) {
	return []connector.Split{{ID: strconv.Itoa(r.stream), Position: strconv.AppendInt(nil, int64(r.at), 10)}}, nil
}

func (r *reader[T]) Close() error { return nil }

// sink folds batches into a number; those of all subtasks are added up.
type sink[T any] struct {
	fold func(values []T) uint64
	sum  atomic.Uint64
}

func (s *sink[T]) Describe() connector.Description { return connector.Description{Kind: "sum"} }

func (s *sink[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return &writer[T]{sink: s}, nil
}

type writer[T any] struct {
	sink *sink[T]
	sum  uint64
}

func (w *writer[T]) Write(b *event.Records[T], from int) (int, error) {
	w.sum += w.sink.fold(b.Values[from:])
	return len(b.Values) - from, nil
}

func (w *writer[T]) Flush(context.Context) error { return nil }

func (w *writer[T]) Close() error {
	w.sink.sum.Add(w.sum)
	return nil
}
