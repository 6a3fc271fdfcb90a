package job_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/checkpoint/bucket"
	"github.com/affluxdev/afflux/internal/job"
)

// places are stores that keep nobody out.
var places = map[string]func(t *testing.T) checkpoint.Store{
	"bucket in memory": func(t *testing.T) checkpoint.Store { return inBucket(t, memblob.OpenBucket(nil)) },
	"bucket of files": func(t *testing.T) checkpoint.Store {
		b, err := fileblob.OpenBucket(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return inBucket(t, b)
	},
	"directory without locks": func(t *testing.T) checkpoint.Store { return lockless{directory(t)} },
}

// named is a store with a name for messages.
type named struct{ checkpoint.Store }

func (named) String() string { return "mem://jobs/test" }

func inBucket(t *testing.T, b *blob.Bucket) checkpoint.Store {
	t.Helper()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return named{bucket.New(b)}
}

// lockless is a directory of a file system without locks.
type lockless struct{ *checkpoint.Directory }

func (lockless) String() string { return "mem://jobs/test" }

func (d lockless) Claim() (io.Closer, error) {
	return nil, fmt.Errorf("%s: %w", d.Directory, checkpoint.ErrNoLock)
}

func launched(t *testing.T, k *job.Checkpointing, source connector.Source[int], sink connector.Sink[counted], restart job.Restart) *job.Job {
	t.Helper()
	k.UnalignedAfter, k.Timeout, k.Retain = -1, time.Minute, 2
	j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t), Restart: restart, Checkpoints: k},
		planFrom(source, sink, 2, func() error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return j
}

func takes(t *testing.T, j *job.Job) int64 {
	t.Helper()
	id, err := j.Checkpoint(t.Context(), checkpoint.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func superseded(t *testing.T, j *job.Job) {
	t.Helper()
	if err := j.Wait(); !errors.Is(err, checkpoint.ErrSuperseded) {
		t.Errorf("the first one ends with %v", err)
	} else if !strings.HasPrefix(err.Error(), "checkpoints: mem://jobs/test: another process has taken over the checkpoints: ") {
		t.Errorf("the first one says: %v", err)
	}
}

// TestTakenOver starts a job twice on the same place. The first one ends at its next
// checkpoint, whatever its strategy for failures, and says why; the second one
// goes on, and its newest checkpoint can be restored.
func TestTakenOver(t *testing.T) {
	defer goleak.VerifyNone(t)
	values := numbers(10_000)
	for name, open := range places {
		for _, exact := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, exactly once %v", name, exact), func(t *testing.T) {
				store := open(t)
				committed, plain := memory.CommittedSink[counted](), memory.Sink[counted]()
				var sink connector.Sink[counted] = plain
				if exact {
					sink = committed
				}
				source := &portions{values: values}
				source.most.Store(1000)
				restart := job.Restart{Attempts: 3, Delay: time.Millisecond}
				if exact { // the sink is fenced first
					restart = job.Restart{}
				}
				start := func() *job.Job {
					return launched(t, &job.Checkpointing{Store: store}, source, sink, restart)
				}
				first := start()
				takes(t, first)
				source.most.Store(3000)
				takes(t, first)
				second := start()
				if from := second.Snapshot().Checkpoints.Restored; from == nil || from.ID != 2 {
					t.Errorf("the second one goes on from %+v", from)
				}
				source.most.Store(6000)
				if id, err := first.Checkpoint(t.Context(), checkpoint.Checkpoint); err == nil {
					t.Fatalf("the first one has completed checkpoint %d", id)
				}
				superseded(t, first)
				newest := takes(t, second)
				source.most.Store(int64(len(values)))
				second.Cancel()
				_ = second.Wait()
				third := start()
				if from := third.Snapshot().Checkpoints.Restored; from == nil || from.ID != newest {
					t.Errorf("the third one goes on from %+v, not from %d", from, newest)
				}
				if err := third.Wait(); err != nil {
					t.Error(err)
				}
				if exact {
					verify(t, values, committed.Values())
				} else {
					verify(t, values, once(plain.Values()))
				}
			})
		}
	}
}

// TestTakenOverCommitsNothing: what the first one has prepared stays so.
func TestTakenOverCommitsNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	store := inBucket(t, memblob.OpenBucket(nil))
	source, sink := &portions{values: numbers(5000)}, memory.CommittedSink[counted]()
	source.most.Store(1000)
	first := launched(t, &job.Checkpointing{Store: store}, source, sink, job.Restart{})
	takes(t, first)
	seen := len(sink.Values())
	other := &portions{values: source.values}
	second := launched(t, &job.Checkpointing{Store: store, Fresh: true}, other, memory.CommittedSink[counted](), job.Restart{})
	source.most.Store(3000)
	if id, err := first.Checkpoint(t.Context(), checkpoint.Checkpoint); err == nil {
		t.Fatalf("the first one has completed checkpoint %d", id)
	}
	superseded(t, first)
	if got := len(sink.Values()); got != seen {
		t.Errorf("%d records are committed, after %d before", got, seen)
	}
	if takes(t, second) != 2 { // where the first one has left its files
		t.Error("the second one does not go on with checkpoint 2")
	}
	second.Cancel()
	_ = second.Wait()
}

// TestTakenOverAtAnyMoment starts a job again and again, at random moments of the
// checkpoints of the one before: each but the last is superseded, and the records
// are there once.
func TestTakenOverAtAnyMoment(t *testing.T) {
	defer goleak.VerifyNone(t)
	rng := rand.New(rand.NewPCG(1, 2))
	const starts = 20
	store := inBucket(t, memblob.OpenBucket(nil))
	values, sink := numbers((starts+1)*500), memory.CommittedSink[counted]()
	source := &portions{values: values}
	var jobs []*job.Job
	for range starts {
		source.most.Add(500)
		j := launched(t, &job.Checkpointing{Store: store, Interval: 50 * time.Microsecond}, source, sink, job.Restart{})
		for range rng.IntN(4) {
			takes(t, j)
		}
		for range rng.IntN(200) {
			j.Snapshot() // some time of work
		}
		jobs = append(jobs, j)
	}
	source.most.Store(int64(len(values)))
	for i, j := range jobs {
		if i < len(jobs)-1 {
			superseded(t, j)
		} else if err := j.Wait(); err != nil {
			t.Error(err)
		}
	}
	verify(t, values, sink.Values())
}
