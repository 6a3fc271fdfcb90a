package task

import (
	"fmt"
	"sync/atomic"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// sink is the operator at the end of a chain: it writes to an outside system
// and waits while that presses.
type sink struct {
	driver connector.SinkDriver
	link   *link
	writer connector.WriterDriver

	buffered connector.Buffered
	measured connector.Measured
	ready    atomic.Bool // the fields above are set
}

func (s *sink) Open(operator.Context) error {
	w, err := s.driver.Open(s.link.t.host.Context(), s.link.subtask())
	if err != nil {
		return err
	}
	s.writer = w
	s.buffered, _ = w.Unwrap().(connector.Buffered)
	s.measured, _ = w.Unwrap().(connector.Measured)
	s.ready.Store(true)
	return nil
}

func (s *sink) Process(b event.Batch) error {
	n := b.Len()
	for from := 0; ; {
		took, err := s.writer.Write(b, from)
		if err != nil {
			return err
		}
		if took < 0 || from+took > n {
			return fmt.Errorf("the writer took %d of %d records", took, n-from)
		}
		if from += took; from == n {
			return nil
		}
		s.link.Wait()
	}
}

func (s *sink) Watermark(t event.Time) error { s.link.Watermark(t); return nil }
func (s *sink) Finish() error                { return nil }

// Woken is what a wake-up outside of Process does: nothing is pending here.
func (s *sink) Woken() error { return nil }

func (s *sink) Close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}

// subtask is what a connector is told.
func (l *link) subtask() connector.Subtask {
	index, of := l.Subtask()
	return connector.Subtask{
		Operator: l.node.Name, Index: index, Parallelism: of,
		Wake:   l.Wake,
		Reject: l.rejectRaw,
		Gauge:  l.counters.SetGauge,
		Log:    l.t.cfg.Log.With("operator", l.node.Name, "subtask", index),
	}
}
