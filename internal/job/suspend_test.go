package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/job"
)

// TestSuspendDoublesNothing: behind the checkpoint that a job is suspended with
// nothing reaches a sink, not even one that cannot take back what it wrote.
func TestSuspendDoublesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	values := numbers(400_000)
	sink, store := memory.Sink[counted](), directory(t)
	suspended := 0
	for done := false; !done; {
		j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
			Checkpoints: &job.Checkpointing{Store: store, UnalignedAfter: -1, Timeout: time.Minute, Retain: 1},
		}, plan(values, sink, 2, func() error { return nil }))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if suspended < 3 {
			_ = j.Suspend(t.Context())
			suspended++
		}
		if err := j.Wait(); err != nil {
			t.Fatal(err)
		}
		done = j.Snapshot().State == job.Finished
	}
	verify(t, values, sink.Values())
}

// TestSuspendGivenUp: who does not wait for the checkpoint leaves a job that
// runs on.
func TestSuspendGivenUp(t *testing.T) {
	defer goleak.VerifyNone(t)
	values := numbers(300_000)
	sink := memory.Sink[counted]()
	j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
		Checkpoints: &job.Checkpointing{Store: directory(t), UnalignedAfter: -1, Timeout: time.Minute, Retain: 1},
	}, plan(values, sink, 2, func() error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.SuspendAfter(gone, checkpoint.Savepoint); !errors.Is(err, context.Canceled) {
		t.Error("the error is", err)
	}
	if err := j.Wait(); err != nil {
		t.Fatal(err)
	}
	if s := j.Snapshot(); s.State != job.Finished {
		t.Errorf("the job is %s", s.State)
	}
	verify(t, values, sink.Values())
}

// TestGoesOnWithoutEventTime: where records have no event times there is no
// watermark, also after a checkpoint.
func TestGoesOnWithoutEventTime(t *testing.T) {
	defer goleak.VerifyNone(t)
	store := directory(t)
	for range 3 {
		j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
			Checkpoints: &job.Checkpointing{Store: store, UnalignedAfter: -1, Timeout: time.Minute, Retain: 1},
		}, plan(numbers(400_000), memory.Sink[counted](), 2, func() error { return nil }))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = j.Suspend(t.Context())
		if err := j.Wait(); err != nil {
			t.Fatal(err)
		}
		s := j.Snapshot()
		if s.State != job.Suspended {
			t.Fatalf("the job is %s", s.State)
		}
		for _, o := range s.Operators {
			for i, sub := range o.Subtasks {
				if sub.Watermark != event.MinTime {
					t.Errorf("%s, subtask %d: the watermark is %v", o.Name, i, sub.Watermark)
				}
			}
		}
	}
}
