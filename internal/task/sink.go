package task

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/operator"
)

// sink is the operator at the end of a chain: it writes to an outside system
// and waits while that presses.
type sink struct {
	driver connector.SinkDriver
	link   *link
	writer connector.WriterDriver
	ages   eventAges

	buffered connector.Buffered
	measured connector.Measured
	preparer connector.Preparer // nil: it is flushed at each checkpoint
	ready    atomic.Bool        // the fields above are set

	// held are records that the writer has not taken, from an index on: a barrier
	// had to get through. They are part of checkpoints, and go first.
	held event.Batch
	from int

	mu       sync.Mutex
	prepared []prepared // in order
}

// prepared is what is to be committed once a checkpoint is complete.
type prepared struct {
	checkpoint int64
	handle     []byte
}

func (s *sink) Open(operator.Context) error {
	w, err := s.driver.Open(s.link.t.host.Context(), s.link.subtask())
	if err != nil {
		return err
	}
	s.writer = w
	s.buffered, _ = w.Unwrap().(connector.Buffered)
	s.measured, _ = w.Unwrap().(connector.Measured)
	s.preparer, _ = w.Unwrap().(connector.Preparer)
	s.ready.Store(true)
	return nil
}

func (s *sink) Process(b event.Batch) error {
	if err := s.settle(true); err != nil {
		return err
	}
	if s.held != nil {
		s.hold(b, 0)
		return nil
	}
	from, err := s.write(b, 0, true)
	if err == nil && from < b.Len() {
		s.hold(b, from)
	}
	s.ages.took(b)
	return err
}

// write passes records on from an index. While the outside system presses it
// waits, if it may, unless a barrier has to get through.
func (s *sink) write(b event.Batch, from int, wait bool) (int, error) {
	n := b.Len()
	for {
		took, err := s.writer.Write(b, from)
		if err != nil {
			return from, err
		}
		if took < 0 || from+took > n {
			return from, fmt.Errorf("the writer took %d of %d records", took, n-from)
		}
		if from += took; from == n || !wait {
			return from, nil
		}
		now, until := s.link.t.barriers.hurry()
		if now {
			return from, nil
		}
		s.link.Sleep(until)
	}
}

// hold keeps records for later.
func (s *sink) hold(b event.Batch, from int) {
	if s.held == nil {
		s.held = b.Type().NewBatch(b.Len() - from)
	}
	s.held.AppendRange(b, from, b.Len())
}

// settle passes on what is held.
func (s *sink) settle(wait bool) (err error) {
	if s.held == nil {
		return nil
	}
	if s.from, err = s.write(s.held, s.from, wait); err == nil && s.from == s.held.Len() {
		s.held, s.from = nil, 0
	}
	return err
}

func (s *sink) Watermark(t event.Time) error { s.link.Watermark(t); return nil }

func (s *sink) Finish() error {
	for s.held != nil {
		if now, _ := s.link.t.barriers.hurry(); now {
			s.link.t.barriers.attend()
		}
		if err := s.settle(true); err != nil {
			return err
		}
	}
	return nil
}

// Woken is called when the writer may take more.
func (s *sink) Woken() error { return s.settle(false) }

func (s *sink) Close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}

// snapshot separates what belongs to a checkpoint from what will follow.
func (s *sink) snapshot(w *piece) error {
	if s.held != nil {
		data, err := s.encode()
		if err != nil {
			return err
		}
		w.put(keptHeld, data)
	}
	if s.preparer == nil {
		return s.link.outside(func() error { return s.writer.Flush(s.link.t.host.Context()) })
	}
	var p connector.Prepared
	if err := guarded(func() (err error) { p, err = s.preparer.Prepare(); return err }); err != nil {
		return err
	}
	w.durable = p.Durable
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Handle != nil {
		// Not a copy: the writer may complete it until Durable has returned.
		s.prepared = append(s.prepared, prepared{w.cut.barrier.ID, p.Handle})
	}
	for _, h := range s.prepared {
		w.state.Prepared = append(w.state.Prepared, h.handle)
	}
	return nil
}

func (s *sink) encode() ([]byte, error) {
	c, err := exchange.NewRecordCodec(s.held.Type())
	if err != nil {
		return nil, err
	}
	rest := s.held.Type().NewBatch(s.held.Len() - s.from)
	rest.AppendRange(s.held, s.from, s.held.Len())
	return c.Append(c.AppendHeader(nil), rest)
}

// restore takes up the records that the writer had not taken.
func (s *sink) restore(w *restoration) error {
	return w.blobs(w.o.Subtasks, keptHeld, func(subtask int, data []byte) error {
		if subtask%w.of != w.index {
			return nil
		}
		c, err := exchange.NewRecordCodec(s.driver.Type())
		if err != nil {
			return err
		}
		s.link.Wake()
		return c.Read(bytes.NewReader(data), func(b event.Batch) error { s.hold(b, 0); return nil })
	})
}

// commit makes visible what was prepared up to a checkpoint.
func (s *sink) commit(ctx context.Context, id int64) error {
	if s.preparer == nil {
		return nil
	}
	s.mu.Lock()
	n := 0
	var handles [][]byte
	for n < len(s.prepared) && s.prepared[n].checkpoint <= id {
		handles = append(handles, s.prepared[n].handle)
		n++
	}
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	if err := s.preparer.Commit(ctx, handles); err != nil {
		return err
	}
	s.mu.Lock()
	s.prepared = append([]prepared(nil), s.prepared[n:]...)
	s.mu.Unlock()
	return nil
}

// subtask is what a connector is told.
func (l *link) subtask() connector.Subtask {
	index, of := l.Subtask()
	return connector.Subtask{
		Operator: l.node.Name, Index: index, Parallelism: of,
		Wake:        l.Wake,
		Reject:      l.rejectRaw,
		Gauge:       l.counters.SetGauge,
		Job:         l.t.cfg.Job,
		Checkpoints: l.t.cfg.Checkpoints != nil,
		Resume:      l.t.cfg.Restored.resume(l.node.Name),
		Log:         l.t.cfg.Log.With("operator", l.node.Name, "subtask", index),
	}
}
