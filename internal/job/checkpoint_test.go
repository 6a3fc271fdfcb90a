package job_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// counted is a record of the tests: the n-th of its key.
type counted struct{ Key, N int }

// counter counts records by key, and fails now and then.
type counter struct {
	ctx  operator.Context
	n    map[int]int
	out  *event.Records[counted]
	fail func() error
}

func (o *counter) Open(ctx operator.Context) error {
	o.ctx, o.n, o.out = ctx, map[int]int{}, event.NewRecords[counted](64)
	return nil
}

func (o *counter) Process(b event.Batch) error {
	in := b.(*event.Records[int])
	for i, v := range in.Values {
		if err := o.fail(); err != nil {
			return err
		}
		key := v % keys
		o.n[key]++
		o.out.Append(counted{key, o.n[key]}, in.Times[i])
	}
	o.ctx.Output(0).Emit(o.out)
	return nil
}

func (o *counter) Watermark(t event.Time) error { o.ctx.Watermark(t); return nil }
func (o *counter) Finish() error                { return nil }
func (o *counter) Close() error                 { return nil }

func (o *counter) Snapshot(s state.Snapshot) error {
	var b []byte
	for k, n := range o.n {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(k)), uint64(n))
	}
	s.Blob("counts", b)
	return nil
}

func (o *counter) Restore(r state.Restoration) error {
	hash := hasher()
	return r.Blobs("counts", func(_ int, b []byte) error {
		for len(b) > 0 {
			k, w := binary.Uvarint(b)
			n, x := binary.Uvarint(b[w:])
			b = b[w+x:]
			if r.Owns(hash(int(k))) {
				o.n[int(k)] += int(n)
			}
		}
		return nil
	})
}

const keys = 37

// hasher is that of the key of an int.
func hasher() func(int) uint64 {
	h, err := event.HasherOf[int]()
	if err != nil {
		panic(err)
	}
	return func(k int) uint64 { return h(&k) }
}

func hashBatch(b event.Batch) {
	r := b.(*event.Records[int])
	hash := hasher()
	hashes := r.KeyHashes()
	for i, v := range r.Values {
		hashes[i] = hash(v % keys)
	}
}

// plan is source -> count by key -> sink.
func plan(values []int, sink connector.Sink[counted], parallelism int, fail func() error) []*graph.Node {
	return planFrom(memory.Source(values), sink, parallelism, fail)
}

func planFrom(source connector.Source[int], sink connector.Sink[counted], parallelism int, fail func() error) []*graph.Node {
	ints, out := event.TypeOf[int](), event.TypeOf[counted]()
	return []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Source: connector.DriveSource(source)},
		{ID: 1, Name: "count", Kind: "process", Parallelism: parallelism, Keyed: true, Letters: -1, Outputs: []event.Type{out},
			Inputs:   []graph.Input{{From: 0, Partition: event.Hash, Hasher: hashBatch}},
			Operator: func() operator.Operator { return &counter{fail: fail} }},
		{ID: 2, Name: "sink", Kind: "sink", Unchained: true, Parallelism: parallelism, Letters: -1, Inputs: []graph.Input{{From: 1, Partition: event.Rebalance}}, Sink: connector.DriveSink(sink)},
	}
}

// verify wants each key counted up from 1, every number once.
func verify(t *testing.T, values []int, got []counted) {
	t.Helper()
	want := map[int]int{}
	for _, v := range values {
		want[v%keys]++
	}
	seen := map[counted]int{}
	for _, c := range got {
		seen[c]++
	}
	lost, doubled := 0, 0
	for k, n := range want {
		for i := 1; i <= n; i++ {
			switch seen[counted{k, i}] {
			case 0:
				lost++
			case 1:
			default:
				doubled++
			}
			delete(seen, counted{k, i})
		}
	}
	if lost+doubled+len(seen) > 0 {
		t.Errorf("lost %d, doubled %d, and %d that should not be there", lost, doubled, len(seen))
	}
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func logger(t *testing.T) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

func directory(t *testing.T) *checkpoint.Directory {
	t.Helper()
	d, err := checkpoint.NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestExactlyOnce lets a job fail again and again at random places: what is
// committed in the end is what an undisturbed run commits.
func TestExactlyOnce(t *testing.T) {
	for _, c := range []struct {
		name      string
		unaligned time.Duration
	}{{"aligned", -1}, {"unaligned", 0}, {"both", time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			values := numbers(60_000)
			sink := memory.CommittedSink[counted]()
			var left atomic.Int64
			var failures atomic.Int64
			left.Store(5000)
			fail := func() error {
				if left.Add(-1) == 0 && failures.Add(1) <= 8 {
					left.Store(int64(3000 + rand.IntN(20_000)))
					return fmt.Errorf("failure %d", failures.Load())
				}
				return nil
			}
			j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
				Restart:     job.Restart{Attempts: -1, Delay: time.Millisecond},
				Checkpoints: &job.Checkpointing{Store: directory(t), Interval: time.Millisecond, UnalignedAfter: c.unaligned, Timeout: time.Minute, Tolerated: 0, Retain: 2},
			}, plan(values, sink, 2, fail))
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := j.Wait(); err != nil {
				t.Fatal(err)
			}
			verify(t, values, sink.Values())
			if n := j.Snapshot().Restarts; n == 0 {
				t.Error("the job was never restarted")
			}
			s := j.Snapshot()
			told(t, s, j.Checkpoints())
			t.Logf("%d restarts, %d checkpoints complete and %d failed", s.Restarts, s.Checkpoints.Completed, s.Checkpoints.Failed)
		})
	}
}

// told wants the totals to be those of the history, over all attempts.
func told(t *testing.T, s *metric.Job, history []checkpoint.Record) {
	t.Helper()
	c := s.Checkpoints
	var completed, failed int64
	for i, r := range history {
		switch {
		case i > 0 && r.ID >= history[i-1].ID:
			t.Errorf("checkpoint %d is listed after %d", r.ID, history[i-1].ID)
		case r.Ended.IsZero():
			t.Errorf("checkpoint %d never ended", r.ID)
		case r.Phase == "complete":
			if completed++; completed == 1 && c.Last.ID != r.ID {
				t.Errorf("the last is said to be %d, not %d", c.Last.ID, r.ID)
			}
		default:
			failed++
		}
	}
	if len(history) < 32 && (completed != c.Completed || failed != c.Failed) || c.Completed < completed || c.InProgress != 0 {
		t.Errorf("%d are complete and %d failed, but counted are %+v", completed, failed, c)
	}
	if c.Restored != nil && c.Restored.ID > history[0].ID {
		t.Errorf("it has gone on from %+v, which comes later", c.Restored)
	}
	for _, o := range s.Operators {
		for _, p := range o.Subtasks {
			if p.Barrier == nil && o.Kind == "sink" {
				t.Errorf("nothing is told of a subtask of %s", o.Name)
			}
		}
	}
}

// TestStopsWhileItRestarts asks a job for a checkpoint that does not run, and
// suspends it.
func TestStopsWhileItRestarts(t *testing.T) {
	defer goleak.VerifyNone(t)
	failed := make(chan struct{})
	fail := sync.OnceValue(func() error { close(failed); return errors.New("for ever") })
	j, err := job.New(job.Config{Name: "test", Restart: job.Restart{Attempts: -1, Delay: time.Hour},
		Checkpoints: &job.Checkpointing{Store: directory(t), UnalignedAfter: -1}},
		plan(numbers(10), memory.CommittedSink[counted](), 1, fail))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Checkpoint(t.Context(), checkpoint.Checkpoint); err == nil {
		t.Error("a checkpoint of a job that has not started")
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-failed
	if _, err := j.Checkpoint(t.Context(), checkpoint.Savepoint); err == nil {
		t.Error("a savepoint of a job that does not run")
	}
	if err := j.Suspend(t.Context()); err != nil {
		t.Error(err)
	}
	if err := j.Wait(); err != nil {
		t.Error(err)
	}
	if s := j.Snapshot(); s.State != job.Suspended {
		t.Errorf("the job is %s", s.State)
	}
}

// TestGivesUp names the first cause.
func TestGivesUp(t *testing.T) {
	defer goleak.VerifyNone(t)
	n := 0
	j, err := job.New(job.Config{Name: "test", Restart: job.Restart{Attempts: 2},
		Checkpoints: &job.Checkpointing{Store: directory(t), UnalignedAfter: -1}},
		plan(numbers(10), memory.CommittedSink[counted](), 1, func() error { n++; return fmt.Errorf("failure %d", n) }))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = j.Wait()
	if err == nil || err.Error() != `gave up after 2 restarts in a row; the first cause: operator "count": failure 1` {
		t.Errorf("the error is %v", err)
	}
	if s := j.Snapshot(); s.State != job.Failed || s.Restarts != 2 {
		t.Errorf("the job is %s after %d restarts", s.State, s.Restarts)
	}
}

// unstorable has a state that no checkpoint can hold.
type unstorable struct{ *counter }

func (o unstorable) Snapshot(state.Snapshot) error {
	_, err := layout.Of(reflect.TypeFor[chan int]())
	return err
}

func (o unstorable) Restore(state.Restoration) error { return nil }

// TestUnstorable gives up at once: what a type is does not change.
func TestUnstorable(t *testing.T) {
	defer goleak.VerifyNone(t)
	g := plan(numbers(3_000_000), memory.CommittedSink[counted](), 1, func() error { return nil })
	counting := g[1].Operator
	g[1].Operator = func() operator.Operator { return unstorable{counting().(*counter)} }
	j, err := job.New(job.Config{Name: "test", Restart: job.DefaultRestart,
		Checkpoints: &job.Checkpointing{Store: directory(t), Interval: time.Millisecond, UnalignedAfter: -1}}, g)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(); !errors.Is(err, state.ErrUnstorable) {
		t.Errorf("the error is %v", err)
	}
	if s := j.Snapshot(); s.State != job.Failed || s.Restarts != 0 {
		t.Errorf("the job is %s after %d restarts", s.State, s.Restarts)
	}
}

// TestRescale stops a job with a savepoint, and goes on with another number of
// subtasks.
func TestRescale(t *testing.T) {
	defer goleak.VerifyNone(t)
	values := numbers(200_000)
	sink, store := memory.CommittedSink[counted](), directory(t)
	never := func() error { return nil }
	for i, parallelism := range []int{2, 3, 1} {
		j, err := job.New(job.Config{Name: "test", Batch: 512, Buffers: 4, Log: logger(t),
			Checkpoints: &job.Checkpointing{Store: store, UnalignedAfter: 0, Timeout: time.Minute, Retain: 1},
		}, plan(values, sink, parallelism, never))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			if _, err := j.Checkpoint(t.Context(), checkpoint.Checkpoint); err != nil {
				t.Fatal(err)
			}
			j.Cancel()
			if err := j.Wait(); !errors.Is(err, operator.ErrCancelled) {
				t.Fatal(err)
			}
			continue
		}
		if err := j.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, values, sink.Values())
}
