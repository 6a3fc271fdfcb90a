package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/internal/checkpoint"
)

// checkpoints takes one a second, to a store that gets into trouble.
func checkpoints(trouble func(ctx context.Context) error) func(*builder, string) {
	return func(b *builder, _ string) {
		store, err := checkpoint.NewDirectory(b.directory())
		if err != nil {
			b.fail(err)
			return
		}
		b.job.Set(afflux.CheckpointsIn(troubled{store, b, trouble}, afflux.Every(time.Second), afflux.TolerateFailed(afflux.Unlimited)))
	}
}

// aligned lets barriers wait behind records, however long that takes.
func aligned(b *builder, _ string) {
	store, err := checkpoint.NewDirectory(b.directory())
	if err != nil {
		b.fail(err)
		return
	}
	b.job.Set(afflux.CheckpointsIn(store, afflux.Every(time.Second), afflux.UnalignedAfter(afflux.Never)))
}

// troubled is a store that has trouble with the files of states.
type troubled struct {
	checkpoint.Store
	b       *builder
	trouble func(ctx context.Context) error
}

// Create implements checkpoint.Store.
func (s troubled) Create(ctx context.Context, name string) (checkpoint.Pending, error) {
	if s.b.on.Load() && !strings.HasSuffix(name, "/manifest") {
		if err := s.trouble(ctx); err != nil {
			return nil, err
		}
	}
	return s.Store.Create(ctx, name)
}

func refuse(context.Context) error { return errors.New("no space left in the store") }

// delay takes longer than the interval of the checkpoints.
func delay(ctx context.Context) error {
	select {
	case <-time.After(1500 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
