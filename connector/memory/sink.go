package memory

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Collector is a connector.Sink that keeps all records, over all jobs and
// subtasks that use it. Its methods may be called from any goroutine.
type Collector[T any] struct {
	mu     sync.Mutex
	values []T
}

// Sink returns a sink that keeps records in memory, without a bound.
func Sink[T any]() *Collector[T] { return &Collector[T]{} }

// Values returns a copy of the records written so far, in the order in which
// they came; those of different subtasks are mixed.
func (c *Collector[T]) Values() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.values)
}

// Describe implements connector.Sink.
func (c *Collector[T]) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: "a slice of " + reflect.TypeFor[T]().String()}
}

// Open implements connector.Sink.
func (c *Collector[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return writer[T]{c}, nil
}

type writer[T any] struct{ to *Collector[T] }

// Write implements connector.Writer.
func (w writer[T]) Write(b *event.Records[T], from int) (int, error) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	w.to.values = append(w.to.values, b.Values[from:]...)
	return b.Len() - from, nil
}

// Flush implements connector.Writer.
func (w writer[T]) Flush(context.Context) error { return nil }

// Close implements connector.Writer.
func (w writer[T]) Close() error { return nil }
