package diagnosis

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"pgregory.net/rapid"
)

// draws says where numbers of a random job come from: a property draws them, a
// fuzzer's input is spent byte by byte.
type draws interface {
	// pick returns a number from 0 to n-1.
	pick(n int) int
}

type bytesOf struct{ data []byte }

func (b *bytesOf) pick(n int) int {
	if len(b.data) == 0 {
		return 0
	}
	v := int(b.data[0])
	b.data = b.data[1:]
	return v % n
}

type drawn struct{ t *rapid.T }

func (d drawn) pick(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "pick") }

var kinds = []string{"source", "map", "async", "window", "sink", "dead_letters"}

// randomJobs are samples of a job that need not make sense: counters may fall,
// arrows may lead anywhere, shapes may change.
func randomJobs(d draws) []*metric.Job {
	at := time.Unix(1_700_000_000, 0)
	ops, arrows := 1+d.pick(5), d.pick(7)
	par, chains, from, to, kind := make([]int, ops), make([]int, ops), make([]int, arrows), make([]int, arrows), make([]string, ops)
	for i := range ops {
		par[i], chains[i], kind[i] = d.pick(4), d.pick(ops), kinds[d.pick(len(kinds))]
	}
	for i := range arrows {
		from[i], to[i] = d.pick(ops+1), d.pick(ops+1)
	}
	odd := []float64{0, 1, 1e9, -5, math.NaN(), math.Inf(1), 1e300, 700}
	var samples []*metric.Job
	span := func() time.Duration { return time.Duration(d.pick(200)-20) * 10 * time.Millisecond }
	for n := range 1 + d.pick(9) {
		at = at.Add(time.Duration(d.pick(25)) * 100 * time.Millisecond)
		j := &metric.Job{Name: "random", State: "running", At: at, Process: metric.Process{Processors: d.pick(4), CPU: time.Duration(n) * span(), GC: time.Duration(n) * span(), Waited: time.Duration(n) * span()}}
		if d.pick(8) == 0 {
			j.Restarts = d.pick(2)
		}
		if d.pick(4) == 0 {
			j.Checkpoints = &metric.Checkpoints{Interval: span(), FailedSince: int64(d.pick(4)), InProgress: int64(d.pick(2)), Failure: "x"}
			if d.pick(2) == 0 {
				j.Checkpoints.Last = &metric.Checkpoint{ID: int64(d.pick(3)), Began: at.Add(-span()), Duration: span(), MaxSync: span(), MaxAsync: span(), MaxAlignment: span()}
			}
		}
		for i := range ops {
			o := metric.Operator{ID: i, Name: fmt.Sprint("op", i), Kind: kind[i], Chain: chains[i], Parallelism: par[i]}
			for range par[i] {
				s := metric.Subtask{Wall: time.Duration(n) * time.Second, Busy: span(), Idle: span(), Blocked: span(), External: span(), Own: span(), StateTime: span(),
					RecordsIn: int64(d.pick(1000)), RecordsOut: int64(d.pick(1000)), Splits: int64(d.pick(3) - 1), Calls: int64(d.pick(9)), CallLimit: int64(d.pick(9)),
					Counters: map[string]int64{"throttled": int64(d.pick(9))}, Barrier: &metric.Barrier{StartDelay: span()}}
				for _, name := range []string{"lag", headroom, unreadAge, retentionTime, "state_bytes"} {
					if d.pick(3) == 0 {
						s.Gauges = append(s.Gauges, metric.Gauge{Name: name, Labels: []string{"partition", "1"}[:d.pick(3)], Value: odd[d.pick(len(odd))]})
					}
				}
				o.Subtasks = append(o.Subtasks, s)
			}
			j.Operators = append(j.Operators, o)
		}
		for i := range arrows {
			e := metric.Edge{From: from[i], To: to[i], Kind: []string{"hash", "forward", "chained"}[d.pick(3)], Blocked: time.Duration(n) * span()}
			for range d.pick(3) {
				e.Channels = append(e.Channels, metric.Channel{FromSubtask: d.pick(5) - 1, ToSubtask: d.pick(5) - 1, Blocked: time.Duration(n) * span()})
			}
			if d.pick(3) == 0 {
				e.HotKeys = []metric.HotKey{{Key: "k", Share: odd[d.pick(len(odd))]}}
			}
			j.Edges = append(j.Edges, e)
		}
		samples = append(samples, j)
	}
	return samples
}

// check holds a report to what is true of every one.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, samples []*metric.Job) {
	t.Helper()
	r := Examine(samples)
	if again := Examine(samples); !reflect.DeepEqual(r, again) {
		t.Fatalf("not deterministic: %+v, then %+v", r, again)
	}
	names := map[string]bool{"": true}
	for _, o := range samples[len(samples)-1].Operators {
		names[o.Name] = true
	}
	healthy, rank := true, 0
	for i, f := range r.Findings {
		healthy = healthy && f.Severity == Note
		if f.Severity.rank() < rank {
			t.Fatalf("not the worst first: %+v", r.Findings)
		}
		rank = f.Severity.rank()
		if !names[f.Operator] || f.Evidence == "" || f.Remedy == "" || f.Severity == "" {
			t.Fatalf("%+v", f)
		}
		for _, g := range r.Findings[:i] {
			if g.Operator == f.Operator && g.Cause == f.Cause && g.Subtask == f.Subtask {
				t.Fatalf("twice: %+v", f)
			}
		}
	}
	if healthy != r.Healthy || r.Findings == nil {
		t.Fatalf("healthy: %v of %+v", r.Healthy, r.Findings)
	}
	for i := range samples[1:] {
		Bottleneck(metric.Between(samples[i], samples[i+1]), samples[i+1])
	}
}

// TestAnyJob examines jobs that need not make sense.
func TestAnyJob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { check(t, randomJobs(drawn{t})) })
}

// FuzzExamine is TestAnyJob with the fuzzer's numbers.
func FuzzExamine(f *testing.F) {
	f.Add([]byte{3, 4, 1, 2, 0, 3, 1, 1, 2, 2, 4})
	f.Fuzz(func(t *testing.T, data []byte) { check(t, randomJobs(&bytesOf{data})) })
}

// TestCalmIsHealthy draws jobs of which no sender is ever blocked and no lag
// grows: whatever else they do, nothing above a note is said.
func TestCalmIsHealthy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		share := func(most float64) float64 { return most * float64(d.pick(101)) / 100 }
		lag, falls := float64(d.pick(100_000)), float64(d.pick(500))
		ops := []op{{name: "src", kind: "source", busy: share(1), out: int64(d.pick(10_000)), splits: nil}}
		if d.pick(2) == 0 {
			ops[0] = ops[0].with(steadily(lag, -falls))
			ops[0].out = max(ops[0].out, 1) // else it is stuck
		}
		var edges []edge
		for i := range 1 + d.pick(5) {
			own := make([]float64, 1+d.pick(4))
			for k := range own {
				own[k] = share(1)
			}
			ops = append(ops, op{name: fmt.Sprint("op", i), kind: kinds[1+d.pick(4)], chain: 1 + i, own: own, external: share(0.3), throttled: int64(d.pick(5)), asked: 9, state: share(1),
				calls: int64(d.pick(5)), limit: 4})
			edges = append(edges, edge{from: d.pick(i + 1), to: i + 1, blocked: share(0.1), keys: []metric.HotKey{{Key: "k", Share: share(1)}}})
		}
		samples := story(scene{seconds: 3 + d.pick(9), ops: ops, edges: edges, cpu: share(2), gc: share(1), waited: share(3)})
		if r := Examine(samples); !r.Healthy {
			t.Fatalf("%q\n%+v", said(r), r.Findings)
		}
	})
}
