package job_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/job"
)

// TestStartedTwice: a job whose checkpoints another one writes is refused, and
// the other one is not disturbed. When that has ended it may start.
func TestStartedTwice(t *testing.T) {
	defer goleak.VerifyNone(t)
	root, values, sink := t.TempDir(), numbers(100_000), memory.CommittedSink[counted]()
	held := make(chan struct{})
	start := func(fail func() error) (*job.Job, error) {
		store, err := checkpoint.NewDirectory(root)
		if err != nil {
			t.Fatal(err)
		}
		j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
			Checkpoints: &job.Checkpointing{Store: store, Interval: time.Millisecond, UnalignedAfter: -1, Timeout: time.Minute, Retain: 1},
		}, plan(values, sink, 2, fail))
		if err != nil {
			t.Fatal(err)
		}
		return j, j.Start(t.Context())
	}
	first, err := start(func() error { <-held; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := start(func() error { return nil }); !errors.Is(err, checkpoint.ErrClaimed) {
		t.Errorf("the second one: %v", err)
	}
	close(held)
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	verify(t, values, sink.Values())
	again, err := start(func() error { return nil })
	if err != nil {
		t.Fatal("after the first one has ended:", err)
	}
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}
