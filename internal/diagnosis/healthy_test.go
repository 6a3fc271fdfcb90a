package diagnosis

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// lagged replaces the lag of the source.
func lagged(o op, lag ...float64) op {
	return o.with(func(s int) float64 { return lag[min(s, len(lag)-1)] })
}

var (
	calm     = []edge{{from: 0, to: 1}}
	pressing = []edge{{from: 0, to: 1, blocked: 0.9}}
	idleMap  = op{name: "map", kind: "map", chain: 1, busy: 0.1}
	fullMap  = op{name: "map", kind: "map", chain: 1, busy: 0.99}
)

// TestHealthy has stories that look like trouble and are none: at no second may
// anything above a note be said.
func TestHealthy(t *testing.T) {
	second := func(n int, ops []op, edges []edge) scene { return scene{seconds: n, ops: ops, edges: edges, cpu: 1} }
	well := []op{calmSource, idleMap}
	for _, c := range []struct {
		name   string
		scenes []scene
	}{
		{"at a steady rate", []scene{second(20, well, calm)}},
		{"pressed for a second now and then", []scene{
			second(5, well, calm), second(1, []op{pressedSource, fullMap}, pressing), second(4, well, calm),
			second(1, []op{pressedSource, fullMap}, pressing), second(5, well, calm)}},
		{"pressed for two seconds", []scene{second(8, well, calm), second(2, []op{pressedSource, fullMap}, pressing), second(8, well, calm)}},
		{"pressed by an operator with time left", []scene{second(20, []op{pressedSource, {name: "map", kind: "map", chain: 1, busy: 0.4}}, pressing)}},
		{"a little pressure", []scene{second(20, []op{calmSource, fullMap}, []edge{{from: 0, to: 1, blocked: 0.08}})}},
		{"bursts that the source keeps up with", []scene{second(20, []op{
			lagged(op{name: "src", kind: "source", busy: 0.1, blocked: 0.4, out: 1000}, 10, 300, 200, 0, 400), fullMap},
			[]edge{{from: 0, to: 1, blocked: 0.4}})}},
		{"a lag that comes and goes", []scene{second(20, []op{calmSource.with(func(s int) float64 { return 3000 * (1 + math.Sin(float64(s))) }), idleMap}, calm)}},
		{"a lag that grows for three seconds", []scene{second(20, []op{lagged(calmSource, 0, 0, 0, 0, 0, 0, 5000, 9000, 14_000, 9000, 5000, 1000, 0), idleMap}, calm)}},
		{"a lag of less than a second", []scene{second(20, []op{calmSource.with(steadily(100, 40)), idleMap}, calm)}},
		{"records of an open transaction", []scene{second(9, []op{op{name: "src", kind: "source", splits: []int64{4}}.with(steadily(0, 3000)), {name: "map", kind: "map", chain: 1}}, calm),
			second(3, []op{op{name: "src", kind: "source", busy: 0.3, out: 9000, splits: []int64{4}}.with(steadily(0, 0)), idleMap}, calm)}},
		{"catching up", []scene{second(30, []op{pressedSource.with(steadily(100_000, -3000)), fullMap}, pressing)}},
		{"a file", []scene{second(20, []op{{name: "src", kind: "source", busy: 0.1, blocked: 0.9, out: 1000, bounded: true}, fullMap}, pressing)}},
		{"a fast source that does its own work", []scene{second(20, []op{{name: "src", kind: "source", busy: 1, own: []float64{0.6}, out: 1e7}, {name: "map", kind: "map", busy: 1, own: []float64{0.4}}}, calm)}},
		{"calls with room", []scene{second(20, []op{calmSource, {name: "enrich", kind: "async", chain: 1, busy: 0.2, external: 0.1, calls: 4, limit: 40}}, calm)}},
		{"some refusals", []scene{second(20, []op{calmSource, {name: "enrich", kind: "async", chain: 1, busy: 0.2, external: 0.1, throttled: 3, asked: 100}}, calm)}},
		{"uneven keys without pressure", []scene{second(20, []op{calmSource, {name: "agg", kind: "window", chain: 1, own: []float64{0.1, 0.95, 0.1, 0.1}}},
			[]edge{{from: 0, to: 1, keys: []metric.HotKey{{Key: "a", Share: 0.8}}}})}},
		{"few splits that are enough", []scene{second(20, []op{{name: "src", kind: "source", own: []float64{0.2, 0}, out: 100, splits: []int64{1, 0}}, idleMap}, calm)}},
		{"much garbage, and time for it", []scene{{seconds: 20, ops: well, edges: calm, cpu: 1, gc: 0.4}}},
		{"nothing to do", []scene{second(20, []op{{name: "src", kind: "source"}, {name: "map", kind: "map", chain: 1}}, calm)}},
		{"quick checkpoints", []scene{{seconds: 20, ops: well, edges: calm, each: checkpointed(time.Second, 90*time.Millisecond, 20*time.Millisecond)}}},
		{"one slow checkpoint", []scene{{seconds: 20, ops: well, edges: calm, each: func(s int, j *metric.Job) {
			took := 90 * time.Millisecond
			if s == 8 {
				took = 950 * time.Millisecond
			}
			checkpointed(time.Second, took, 0)(s, j)
		}}}},
		{"far from the end of the log", []scene{{seconds: 20, ops: []op{calmSource.with(steadily(0, 0)), idleMap}, edges: calm, each: kept(1000, 0, 60, 86_400)}}},
		{"a segment is deleted", []scene{{seconds: 20, ops: []op{pressedSource.with(steadily(9000, 0)), {name: "map", kind: "map", chain: 1, busy: 0.3}}, edges: calm, each: func(s int, j *metric.Job) {
			room := 1.5e6
			if s > 9 {
				room = 0.4e6
			}
			kept(room, 0, 0, 0)(s, j)
		}}}},
		{"another member reads the partition", []scene{{seconds: 20, ops: []op{calmSource.with(steadily(0, 0)), idleMap}, edges: calm, each: func(s int, j *metric.Job) {
			kept(1e6/float64(1+s), 0, 0, 0)(s, j)
		}}}},
		{"half way through the log, catching up", []scene{{seconds: 20, ops: []op{calmSource.with(steadily(1e6, -9000)), idleMap}, edges: calm, each: kept(1e6, 9000, 50_000, 86_400)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			samples := story(c.scenes...)
			for n := range samples {
				if r := Examine(samples[:n+1]); !r.Healthy {
					t.Fatalf("after %d s: %q\n%+v", n, said(r), r.Findings)
				}
			}
		})
	}
}

// checkpointed gives each second a checkpoint that took so long.
func checkpointed(interval, took, way time.Duration) func(int, *metric.Job) {
	return func(s int, j *metric.Job) {
		last := &metric.Checkpoint{ID: int64(s), Kind: "checkpoint", Began: j.At.Add(-took), Ended: j.At, Duration: took, MaxStartDelay: way, MaxAsync: took / 10, Bytes: 1 << 20}
		j.Checkpoints = &metric.Checkpoints{Interval: interval, Completed: int64(s), Last: last}
		for i := range j.Operators {
			for k := range j.Operators[i].Subtasks {
				delay := time.Millisecond
				if i > 0 {
					delay = way
				}
				j.Operators[i].Subtasks[k].Barrier = &metric.Barrier{StartDelay: delay}
			}
		}
	}
}

// kept gives the source the gauges of how close it is to deleted records: the
// room before its position, and how that changes; the age of the oldest unread
// record, which grows, and the age at which they are deleted.
func kept(room, change, age, limit float64) func(int, *metric.Job) {
	return func(s int, j *metric.Job) {
		t := &j.Operators[0].Subtasks[0]
		label := []string{"topic", "clicks", "partition", "3"}
		for i := range t.Gauges {
			t.Gauges[i].Labels = label
		}
		t.Gauges = append(t.Gauges,
			metric.Gauge{Name: headroom, Labels: label, Value: max(room+change*float64(s), 0)},
			metric.Gauge{Name: unreadAge, Labels: label, Value: age + 0.5*float64(s)},
			metric.Gauge{Name: retentionTime, Labels: label, Value: limit})
	}
}

// TestOnset names a bottleneck soon after it begins, and forgets it soon after it
// has ended.
func TestOnset(t *testing.T) {
	const before, during = 10, 12
	samples := story(scene{seconds: before, ops: []op{calmSource, idleMap}, edges: calm},
		scene{seconds: during, ops: []op{pressedSource, fullMap}, edges: pressing, cpu: 1},
		scene{seconds: 10, ops: []op{calmSource, idleMap}, edges: calm})
	var first, last int
	for n := range samples {
		if r := Examine(samples[:n+1]); !r.Healthy {
			if first == 0 {
				first = n
			}
			if last > 0 && last != n-1 {
				t.Errorf("found again after %d s", n)
			}
			last = n
		}
	}
	if first == 0 || first-before > 5 || last < before+during-1 || last-before-during > 3 {
		t.Errorf("found from second %d to %d, of %d to %d", first, last, before, before+during)
	}
}

// TestOnsetAccusesNobodyElse follows a lag that wavers before the onset, and so
// seems to grow before the pressure is confirmed.
func TestOnsetAccusesNobodyElse(t *testing.T) {
	lag := func(s int) float64 {
		if s <= 10 {
			return float64(s)
		}
		return 10 + 3000*float64(s-10)
	}
	samples := story(scene{seconds: 10, ops: []op{{name: "src", kind: "source", busy: 0.02, out: 50, lagAt: lag}, idleMap}, edges: calm},
		scene{seconds: 8, ops: []op{pressedSource.with(lag), fullMap}, edges: pressing, cpu: 1})
	for n := range samples {
		for _, f := range Examine(samples[:n+1]).Findings {
			if f.Operator == "src" && f.Severity != Note {
				t.Errorf("second %d: %+v", n, f)
			}
		}
	}
	if r := Examine(samples); r.Healthy {
		t.Error("the culprit is not named at last")
	}
}

func TestDangers(t *testing.T) {
	behind := []op{pressedSource.with(steadily(5000, 700)), fullMap}
	failing := func(n int64) func(int, *metric.Job) {
		return func(_ int, j *metric.Job) {
			j.Checkpoints = &metric.Checkpoints{Interval: time.Second, Failed: n, FailedSince: n, Failure: "map/0 did not acknowledge within 10m0s"}
		}
	}
	for _, c := range []struct {
		name string
		each func(int, *metric.Job)
		want []string
		has  string
	}{
		{"the log's beginning comes close", kept(20_000, -700, 0, 0), []string{"critical src retention", "warning map cpu"}, "unread records of clicks/3 are deleted in about 17 s"},
		{"the log's beginning is far", kept(9e9, -700, 0, 0), []string{"warning map cpu"}, ""},
		{"records are nearly too old", kept(0, 0, 80_000, 86_400), []string{"critical src retention", "warning map cpu"}, "deleted in about"},
		{"records grow old slowly", kept(0, 0, 50_000, 864_000), []string{"warning map cpu"}, ""},
		{"a checkpoint has failed", failing(1), []string{"warning map cpu", "warning map checkpoint"}, ""},
		{"checkpoints fail", failing(3), []string{"critical map checkpoint", "warning map cpu"}, "none is complete"},
		{"barriers wait behind records", checkpointed(time.Second, 3*time.Second, 2900*time.Millisecond), []string{"warning map cpu", "warning map checkpoint"}, ""},
		{"one checkpoint does not end", func(s int, j *metric.Job) {
			j.Checkpoints = &metric.Checkpoints{Interval: time.Second, InProgress: 1, Last: &metric.Checkpoint{ID: 1, Began: j.At.Add(-time.Minute)}}
		}, []string{"warning map cpu", "warning map checkpoint"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Examine(story(scene{seconds: 12, ops: behind, edges: pressing, cpu: 1, each: c.each}))
			if got := said(r); !slices.Equal(got, c.want) {
				t.Fatalf("said %q, want %q\n%+v", got, c.want, r.Findings)
			}
			if f := r.Findings[0]; !strings.Contains(f.Evidence, c.has) {
				t.Errorf("no %q in %+v", c.has, f)
			}
		})
	}
}

// TestOneRun looks only at the run that the last sample is of, and leaves out what
// does not fit it.
func TestOneRun(t *testing.T) {
	sick := story(scene{seconds: 10, ops: []op{pressedSource, fullMap}, edges: pressing, cpu: 1})
	for _, change := range []func(*metric.Job){
		func(j *metric.Job) { j.Restarts++ }, func(j *metric.Job) { j.Attempt++ }, func(j *metric.Job) { j.Started = j.At },
		func(j *metric.Job) { j.State = "finished" }, func(j *metric.Job) { j.State = "restarting" },
		func(j *metric.Job) { j.Operators = j.Operators[:1] },
	} {
		last := *sick[len(sick)-1]
		last.At = last.At.Add(time.Second)
		change(&last)
		if r := Examine(append(slices.Clone(sick), &last)); !r.Healthy {
			t.Errorf("%q of a job that is %+v", said(r), last)
		}
	}
	// A sample that is newer than the last, or missing, changes nothing.
	twice := slices.Insert(slices.Clone(sick), len(sick)-1, sick[len(sick)-1], nil)
	if r := Examine(twice); r.Healthy {
		t.Error("nothing found with samples out of order")
	}
	for _, none := range [][]*metric.Job{nil, {nil}, sick[:1], sick[:3]} {
		if r := Examine(none); !r.Healthy || r.Findings == nil {
			t.Errorf("%d samples: %+v", len(none), r)
		}
	}
}

// TestFailing tells of a job that does not come to work.
func TestFailing(t *testing.T) {
	for _, c := range []struct {
		state    string
		restarts int
		age      time.Duration
		want     string
	}{
		{"failed", 0, 0, "critical  failing"},
		{"restarting", 5, 0, "critical  failing"},
		{"restarting", 1, 0, ""},
		{"running", 5, time.Second, "warning  failing"},
		{"running", 5, time.Hour, ""},
		{"running", 2, time.Second, ""},
		{"finished", 5, time.Second, ""},
	} {
		j := &metric.Job{State: c.state, Restarts: c.restarts, Operators: []metric.Operator{{Name: "src", Subtasks: []metric.Subtask{{Wall: c.age}}}}}
		r := Examine([]*metric.Job{j})
		if got := strings.Join(said(r), ", "); got != c.want || r.Healthy != (c.want == "") {
			t.Errorf("%s after %d restarts, %v old: %q, want %q", c.state, c.restarts, c.age, got, c.want)
		}
		if _, ok := r.Bottleneck(); ok {
			t.Error("a failure is no bottleneck")
		}
	}
}
