package kafka

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// span is what is written between two calls of Prepare; with exactly once it is
// a transaction. The engine's goroutine fills it, the client empties it.
type span struct {
	out     *delivery
	cl      *kgo.Client
	by      *producer                // nil if there is no transaction
	promise func(*kgo.Record, error) // acknowledged, made once
	records int64                    // that were written: owned by the engine's goroutine

	pending atomic.Int64         // records not acknowledged, and one until it is sealed
	done    chan struct{}        // closed when nothing is pending
	first   atomic.Pointer[mark] // of the first record acknowledged, in a transaction

	handle []byte    // of the transaction, once it is sealed
	whole  sync.Once // the handle is complete
}

// mark is the place of a record.
type mark struct {
	partition int32
	offset    int64
}

func newSpan(out *delivery, cl *kgo.Client, by *producer) *span {
	s := &span{out: out, cl: cl, by: by, done: make(chan struct{})}
	s.promise = s.acknowledged
	s.pending.Store(1)
	return s
}

// acknowledged is called by the client once for each record.
func (s *span) acknowledged(rec *kgo.Record, err error) {
	if s.by != nil && err == nil {
		if s.first.Load() == nil {
			s.first.CompareAndSwap(nil, &mark{rec.Partition, rec.Offset})
		}
		if rec.ProducerID != s.by.pid || rec.ProducerEpoch != s.by.epoch {
			err = errOtherProducer
		}
	}
	s.out.acknowledged(rec, err)
	s.release()
}

func (s *span) release() {
	if s.pending.Add(-1) == 0 {
		close(s.done)
	}
}

func (s *span) acked() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// wait returns when every record of a sealed span is acknowledged; what lingers
// is sent now.
func (s *span) wait(ctx context.Context) error {
	if s.acked() {
		return s.out.failure()
	}
	flush, stop := context.WithCancel(ctx)
	var flushing sync.WaitGroup
	flushing.Go(func() { _ = s.cl.Flush(flush) }) // never ends by itself while more is written
	defer flushing.Wait()
	defer stop()
	select {
	case <-s.done:
		return s.out.failure()
	case <-s.out.broken.Done():
		return s.out.failure()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// complete puts the place of a record into the handle, when all records are
// acknowledged. From the first call on the handle does not change.
func (s *span) complete() {
	s.whole.Do(func() {
		if len(s.handle) > 0 && s.handle[handlePlace] == 0 {
			placeIn(s.handle, s.first.Load())
		}
	})
}

// seal ends the span that is being written; nil if nothing was. The caller
// begins another one.
func (w *delivery) seal() *span {
	w.sealed = slices.DeleteFunc(w.sealed, func(s *span) bool {
		if !s.acked() {
			return false
		}
		s.complete() // its own Durable may have been given up, and the handle goes with the next
		return true
	})
	s := w.now
	if s == nil || s.records == 0 {
		return nil
	}
	s.release()
	w.sealed = append(w.sealed, s)
	w.now = nil
	if w.pool == nil {
		w.now = newSpan(w, w.cl, nil)
	}
	return s
}
