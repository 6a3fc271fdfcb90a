package kafka

import (
	"context"
	"fmt"
	"slices"

	"github.com/affluxdev/afflux/connector"
)

// Prepare implements connector.Preparer. What was written before is sealed; with
// exactly once its transaction is what the handle commits.
func (w *delivery) Prepare() (connector.Prepared, error) {
	if err := w.failure(); err != nil {
		return connector.Prepared{}, err
	}
	s := w.seal()
	var p connector.Prepared
	if s != nil && s.by != nil {
		t := transaction{id: s.by.id, producer: s.by.pid, epoch: s.by.epoch, topic: w.config.topic}
		t.place(s.first.Load())
		s.handle = t.handle()
		p.Handle = s.handle
		w.pool.prepared(t, s.by)
	}
	if waiting := slices.Clone(w.sealed); len(waiting) > 0 {
		p.Durable = func(ctx context.Context) error {
			for _, s := range waiting {
				if err := s.wait(ctx); err != nil {
					return fmt.Errorf("kafka: what was written to topic %q before the checkpoint is not safe: %w", w.config.topic, err)
				}
			}
			for _, s := range waiting {
				s.complete()
			}
			return nil
		}
	}
	return p, nil
}

// Commit implements connector.Preparer.
func (w *delivery) Commit(ctx context.Context, handles [][]byte) error {
	if w.pool == nil {
		return nil
	}
	if w.failed.Load() == &errClosed {
		return errClosed
	}
	for _, h := range handles {
		t, err := parseTransaction(h)
		if err != nil {
			return err
		}
		if err := w.pool.commit(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
