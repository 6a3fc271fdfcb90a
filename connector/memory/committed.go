package memory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Committed is a connector.Sink that shows records once they are committed: each
// record exactly once, however often the job is recovered in this process. Its
// methods may be called from any goroutine.
//
// It is for one job at a time. A job that starts keeps the writers of an earlier
// attempt from going on.
type Committed[T any] struct {
	mu       sync.Mutex
	values   []T
	prepared map[uint64][]T
	last     uint64 // number of the last handle
	done     map[uint64]bool
	attempt  int // number of Recover calls
}

// CommittedSink returns a sink that keeps committed records in memory, without a
// bound. Without checkpoints a writer commits when it is closed after a Flush.
func CommittedSink[T any]() *Committed[T] {
	return &Committed[T]{prepared: map[uint64][]T{}, done: map[uint64]bool{}}
}

// Values returns a copy of the records that are committed, in the order in which
// they were.
func (c *Committed[T]) Values() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.values)
}

// Prepared returns how many records are prepared and neither committed nor rolled
// back.
func (c *Committed[T]) Prepared() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, p := range c.prepared {
		n += len(p)
	}
	return n
}

// Describe implements connector.Sink.
func (c *Committed[T]) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: "committed values of " + reflect.TypeFor[T]().String()}
}

// Open implements connector.Sink.
func (c *Committed[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &committing[T]{to: c, attempt: c.attempt}, nil
}

// Recover implements connector.Recoverer.
func (c *Committed[T]) Recover(_ context.Context, r connector.Recovery) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempt++
	err := c.commit(r.Prepared)
	clear(c.prepared)
	return err
}

// commit shows what was prepared. The lock is held.
func (c *Committed[T]) commit(handles [][]byte) error {
	for _, h := range handles {
		id, n := binary.Uvarint(h)
		values, ok := c.prepared[id]
		switch {
		case n <= 0 || n != len(h) || id == 0 || id > c.last:
			return fmt.Errorf("memory: the handle %x is not of this sink; it cannot be recovered in another process", h)
		case ok:
			c.values = append(c.values, values...)
			c.done[id] = true
			delete(c.prepared, id)
		case !c.done[id]:
			return fmt.Errorf("memory: handle %d was rolled back and cannot be committed", id)
		}
	}
	return nil
}

// committing is a writer of Committed.
type committing[T any] struct {
	to      *Committed[T]
	attempt int
	pending []T
	handles [][]byte // prepared by this writer and perhaps not committed
	flushed bool
	closed  bool
}

var errFenced = errors.New("memory: a later attempt of the job has begun; this one must not write")

// fenced tells whether a later attempt has begun. The lock is held.
func (w *committing[T]) fenced() error {
	if w.attempt != w.to.attempt {
		return errFenced
	}
	return nil
}

// Write implements connector.Writer.
func (w *committing[T]) Write(b *event.Records[T], from int) (int, error) {
	w.pending = append(w.pending, b.Values[from:]...)
	w.flushed = w.flushed && from == b.Len()
	return b.Len() - from, nil
}

// Flush implements connector.Writer.
func (w *committing[T]) Flush(context.Context) error {
	w.flushed = true
	return nil
}

// Prepare implements connector.Preparer.
func (w *committing[T]) Prepare() (connector.Prepared, error) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	if err := w.fenced(); err != nil || len(w.pending) == 0 {
		return connector.Prepared{}, err
	}
	return connector.Prepared{Handle: w.prepare()}, nil
}

// prepare keeps what is pending under a new handle. The lock is held.
func (w *committing[T]) prepare() []byte {
	c := w.to
	c.last++
	c.prepared[c.last] = w.pending
	w.pending = nil
	h := binary.AppendUvarint(nil, c.last)
	w.handles = append(w.handles, h)
	return h
}

// Commit implements connector.Preparer.
func (w *committing[T]) Commit(_ context.Context, handles [][]byte) error {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	if err := w.fenced(); err != nil {
		return err
	}
	if err := w.to.commit(handles); err != nil {
		return err
	}
	w.handles = slices.DeleteFunc(w.handles, func(h []byte) bool {
		id, _ := binary.Uvarint(h)
		return w.to.done[id]
	})
	return nil
}

// Close implements connector.Writer.
func (w *committing[T]) Close() error {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if !w.flushed {
		return nil
	}
	if err := w.fenced(); err != nil {
		return err
	}
	if len(w.pending) > 0 {
		w.prepare()
	}
	return w.to.commit(w.handles)
}
