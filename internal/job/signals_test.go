package job_test

import (
	"context"
	"testing"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// started runs source -> op -> sink until the test ends.
func started(t *testing.T, op *graph.Node) *job.Job {
	t.Helper()
	ints := event.TypeOf[int]()
	op.ID, op.Name, op.Parallelism, op.Letters, op.Outputs = 1, "op", 1, -1, []event.Type{ints}
	op.Inputs[0].From = 0
	j, err := job.New(job.Config{Name: "signals"}, []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints},
			Source: connector.DriveSource(generator.Source(func(i int64, v *int) { *v = int(i) }))},
		op,
		{ID: 2, Name: "sink", Kind: "sink", Parallelism: 1, Letters: -1, Inputs: []graph.Input{{From: 1, Partition: event.Forward}}, Sink: connector.DriveSink(blackhole.Sink[int]())},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Cancel(); _ = j.Wait() })
	return j
}

// becomes waits until the operator's subtask looks as it should.
func becomes(t *testing.T, j *job.Job, what string, ok func(*metric.Subtask) bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var s metric.Subtask
	for deadline := time.After(20 * time.Second); ; {
		if s = j.Snapshot().Operators[1].Subtasks[0]; ok(&s) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s; it is %+v", what, s)
		}
	}
}

// TestCallsAreSeenWhileTheyHang: no call comes back, and the task waits.
func TestCallsAreSeenWhileTheyHang(t *testing.T) {
	hang := make(chan struct{})
	call := func(ctx context.Context, v *int) (int, error) {
		select {
		case <-hang:
		case <-ctx.Done():
		}
		return *v, nil
	}
	j := started(t, &graph.Node{Kind: "async", Inputs: []graph.Input{{Partition: event.Forward}},
		Operator: func() operator.Operator { return transform.NewAsync(transform.AsyncConfig{InFlight: 7}, call) }})
	becomes(t, j, "all seven calls under way", func(s *metric.Subtask) bool {
		return s.Calls == 7 && s.CallLimit == 7 && s.Counters["calls"] == 7 && s.Splits == -1
	})
	if s := j.Snapshot().Operators[0].Subtasks[0]; s.Splits != 1 || s.Calls != 0 || s.CallLimit != 0 {
		t.Errorf("the source has %d splits, %d of %d calls", s.Splits, s.Calls, s.CallLimit)
	}
	close(hang)
	becomes(t, j, "calls coming back", func(s *metric.Subtask) bool { return s.RecordsOut > 1000 })
}

// TestThrottledCallsAreCountedAsTheyCome: the outside system refuses all.
func TestThrottledCallsAreCountedAsTheyCome(t *testing.T) {
	j := started(t, &graph.Node{Kind: "async", Inputs: []graph.Input{{Partition: event.Forward}}, Operator: func() operator.Operator {
		return transform.NewAsync(transform.AsyncConfig{InFlight: 3, Policy: guard.Policy{Backoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond}},
			func(context.Context, *int) (int, error) { return 0, &guard.Throttled{} })
	}})
	becomes(t, j, "refused for ever", func(s *metric.Subtask) bool { return s.Counters["throttled"] > 30 && s.Calls == 3 && s.RecordsOut == 0 })
}

// slow are tables whose look-ups take long, as on a slow disk.
type slow struct{ state.Tables[int, int] }

type slowTable struct{ state.Table[int, int] }

func (s slow) New() state.Table[int, int] { return slowTable{s.Tables.New()} }

func (s slowTable) Lookup(keys []int, hashes []uint64, out []*int) {
	for until := time.Now().Add(time.Duration(len(keys)) * 2 * time.Microsecond); time.Now().Before(until); {
		continue
	}
	s.Table.Lookup(keys, hashes, out)
}

// TestStateTimeOfAnOperator: most of the work is the state's, and it is seen,
// of which more than all is never told.
func TestStateTimeOfAnOperator(t *testing.T) {
	hash := hasher()
	j := started(t, &graph.Node{Kind: "rolling", Keyed: true,
		Inputs: []graph.Input{{Partition: event.Hash, Hasher: func(b event.Batch) {
			r := b.(*event.Records[int])
			hashes := r.KeyHashes()
			for i, v := range r.Values {
				hashes[i] = hash(v % 1000)
			}
		}}},
		Operator: func() operator.Operator {
			return transform.NewRolling(func(v *int) int { return *v % 1000 }, func(a, _ *int) { *a++ }, func(_ int, a *int) int { return *a },
				transform.InTables(func() state.Tables[int, int] { return slow{memory.NewTables[int, int]()} }))
		}})
	becomes(t, j, "state", func(s *metric.Subtask) bool {
		if s.StateTime > s.Own {
			t.Fatalf("%v of %v were in state", s.StateTime, s.Own)
		}
		return s.Own > 2*time.Second && s.StateTime > s.Own*8/10
	})
	if p := j.Snapshot().Process; p.CPU < time.Second || p.Processors < 1 || p.HeapBytes == 0 {
		t.Errorf("the process is said to use %+v", p)
	}
}
