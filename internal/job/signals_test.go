package job_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
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
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/pebble"
)

// attended is a source with a goroutine of its own.
type attended struct{ connector.Source[int] }

func (s attended) Open(ctx context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	go attend(ctx)
	return s.Source.Open(ctx, sub)
}

func attend(ctx context.Context) { <-ctx.Done() }

// labelled tells whether a goroutine in a function has the label of an operator.
func labelled(t *testing.T, function, operator string) bool {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(strings.Split(all.String(), "\n\n"), func(g string) bool {
		return strings.Contains(g, function) && strings.Contains(g, fmt.Sprintf("%q:%q", metric.ProfileLabel, operator))
	})
}

// started runs source -> op -> sink until the test ends.
func started(t *testing.T, op *graph.Node) *job.Job {
	t.Helper()
	ints := event.TypeOf[int]()
	op.ID, op.Name, op.Parallelism, op.Letters, op.Outputs = 1, "op", 1, -1, []event.Type{ints}
	op.Inputs[0].From = 0
	j, err := job.New(job.Config{Name: "signals"}, []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints},
			Source: connector.DriveSource[int](attended{generator.Source(func(i int64, v *int) { *v = int(i) })})},
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
	for function, operator := range map[string]string{"job_test.attend": "source", "TestCallsAreSeenWhileTheyHang": "op"} {
		if !labelled(t, function, operator) {
			t.Errorf("no goroutine in %s has the label of %q", function, operator)
		}
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

// keyedBy spreads numbers over so many keys.
func keyedBy(keys int) graph.Input {
	hash := hasher()
	return graph.Input{Partition: event.Hash, Hasher: func(b event.Batch) {
		r := b.(*event.Records[int])
		hashes := r.KeyHashes()
		for i, v := range r.Values {
			hashes[i] = hash(scatter(v) % keys)
		}
	}}
}

// scatter has keys come in no order that a cache could use.
func scatter(v int) int { return int(uint64(v) * 0x9E3779B97F4A7C15 >> 20) }

// totals is a process function that works on each record besides.
type totals struct {
	work int
	sum  *state.Value[int]
}

func (f *totals) Open(s *transform.Scope[int, int]) error {
	f.sum = state.NewValue[int](s.Store(), "sum")
	return nil
}

func (f *totals) Process(s *transform.Scope[int, int], v *int) error {
	x := uint64(*v)
	for range f.work {
		x = x*6364136223846793005 + 1442695040888963407
	}
	*f.sum.Upsert() += int(x & 1)
	s.Emit(*f.sum.Upsert())
	return nil
}

func (f *totals) OnTimer(*transform.Scope[int, int], event.Time, transform.TimerKind) error {
	return nil
}

// TestStateTimeByBackend: a function with more keys than memory spends its time
// with the disk, and one that works hard on a few keys in memory does not.
func TestStateTimeByBackend(t *testing.T) {
	disk, err := pebble.In(t.TempDir(), pebble.MinMemory)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys, work int
		backend    transform.Backends[int]
		from, to   float64 // the part of the time
	}{
		"on disk": {2_000_000, 0, func(operator.Context) (state.Backend[int], error) {
			kv, err := disk.Open("op", 0)
			if err != nil {
				return nil, err
			}
			return paged.NewBackend[int](kv, disk.Resident())
		}, 0.6, 1},
		"in memory": {1000, 1000, transform.InMemory(memory.NewBackend[int]), 1e-6, 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			j := started(t, &graph.Node{Kind: "process", Keyed: true, Inputs: []graph.Input{keyedBy(c.keys)}, Operator: func() operator.Operator {
				return transform.NewProcess(func(v *int) int { return scatter(*v) % c.keys }, &totals{work: c.work}, c.backend, nil)
			}})
			becomes(t, j, "its part of the time in state", func(s *metric.Subtask) bool {
				part := float64(s.StateTime) / float64(max(s.Own, 1))
				return s.Own > time.Second && part >= c.from && part <= c.to
			})
		})
	}
}

// TestStateTimeOfAnOperator: most of the work is the state's, and it is seen,
// of which more than all is never told.
func TestStateTimeOfAnOperator(t *testing.T) {
	j := started(t, &graph.Node{Kind: "rolling", Keyed: true, Inputs: []graph.Input{keyedBy(1000)},
		Operator: func() operator.Operator {
			return transform.NewRolling(func(v *int) int { return scatter(*v) % 1000 }, func(a, _ *int) { *a++ }, func(_ int, a *int) int { return *a },
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
