package diagnosis

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// said are the findings in short: "warning enrich outside", with the subtask if
// it is one.
func said(r Report) (out []string) {
	for _, f := range r.Findings {
		s := fmt.Sprintf("%s %s %s", f.Severity, f.Operator, f.Cause)
		if f.Subtask >= 0 {
			s += fmt.Sprintf(" %d", f.Subtask)
		}
		out = append(out, s)
	}
	return out
}

var (
	pressedSource = op{name: "src", kind: "source", busy: 0.1, blocked: 0.9, out: 1000}
	calmSource    = op{name: "src", kind: "source", busy: 0.2, out: 1000}
)

// with returns the operator with a lag.
func (o op) with(lag func(int) float64) op {
	o.lagAt = lag
	return o
}

func four(x float64) []float64 { return []float64{x, x, x, x} }

// TestExamine has a story for each cause, and what must be said at its end, the
// worst first.
func TestExamine(t *testing.T) {
	hot := []metric.HotKey{{Key: "unknown", Share: 0.83, Error: 0.01}, {Key: "b", Share: 0.03, Error: 0.01}}
	for _, c := range []struct {
		name  string
		scene scene
		want  []string
		// has are parts of the evidence, the remedy or what to avoid of the first.
		has []string
	}{
		{"cpu", scene{ops: []op{pressedSource, {name: "score", kind: "map", chain: 1, busy: 0.99, in: 1000}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1.1},
			[]string{"warning score cpu"}, []string{"src is blocked by it 90 %", `raise Parallelism on "score"`, "while processors are free", "adding buffers"}},
		{"cpu with all processors in use", scene{ops: []op{pressedSource, {name: "score", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1.95},
			[]string{"warning score cpu"}, []string{"1.9 of 2 processors", "run on more processors", "more parallelism on these processors"}},
		{"cpu and a lag", scene{ops: []op{pressedSource.with(steadily(5000, 700)), {name: "score", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1},
			[]string{"warning score cpu"}, []string{"lag of src is 12.0k and grows by 700/s"}},
		{"cpu inside of the source's chain", scene{ops: []op{
			op{name: "src", kind: "source", busy: 0.99, own: []float64{0.02}, out: 1000}.with(steadily(5000, 700)),
			{name: "score", kind: "map", busy: 0.99, own: []float64{0.97}}}, edges: []edge{{from: 0, to: 1}}, cpu: 1},
			[]string{"warning score cpu"}, []string{"grows by 700/s"}},
		{"cpu inside of the chain of a source without a lag", scene{ops: []op{
			{name: "src", kind: "source", busy: 0.99, own: []float64{0.02}, out: 1000},
			{name: "score", kind: "map", busy: 0.99, own: []float64{0.97}}}, edges: []edge{{from: 0, to: 1}}, cpu: 1},
			[]string{"warning score cpu"}, nil},
		{"calls at their limit", scene{ops: []op{pressedSource, {name: "enrich", kind: "async", chain: 1, busy: 0.98, external: 0.95, calls: 50, limit: 50}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning enrich outside"}, []string{"50 of at most 50 calls are in flight", `raise InFlight on "enrich"`, "more processors"}},
		{"calls that wait for an earlier one", scene{ops: []op{pressedSource, {name: "enrich", kind: "async", chain: 1, busy: 0.98, external: 0.95, calls: 3, limit: 50}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning enrich outside"}, []string{"only 3 of at most 50", "Unordered()"}},
		{"a wait that does not end", scene{ops: []op{pressedSource, {name: "enrich", kind: "async", chain: 1, busy: 1, own: []float64{0}, calls: 4, limit: 4, throttled: 7, asked: 7},
			{name: "fmt", kind: "map", chain: 1, busy: 1, own: []float64{0}}},
			edges: []edge{{from: 0, to: 1, blocked: 1}, {from: 1, to: 2}}, cpu: 0.1},
			[]string{"warning enrich throttled"}, nil},
		{"a function that waits", scene{ops: []op{pressedSource, {name: "lookup", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.05},
			[]string{"warning lookup outside"}, []string{"uses only 0.1 of 2 processors", "MapAsync"}},
		{"a function that gets no processor", scene{ops: []op{pressedSource, {name: "score", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.05, waited: 0.8},
			[]string{"warning score cpu"}, nil},
		{"throttled", scene{ops: []op{pressedSource, {name: "enrich", kind: "async", chain: 1, busy: 0.98, external: 0.95, throttled: 40, asked: 100}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning enrich throttled"}, []string{"40 calls/s refused", "more calls in flight"}},
		{"hardly any refusals", scene{ops: []op{pressedSource, {name: "enrich", kind: "async", chain: 1, busy: 0.98, external: 0.95, throttled: 1, asked: 1000}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning enrich outside"}, nil},
		{"state", scene{ops: []op{pressedSource, {name: "agg", kind: "process", chain: 1, own: four(0.97), state: 0.8}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.5},
			[]string{"warning agg state"}, []string{"80 % of that in its state", "StateOnDisk"}},
		{"a hot key", scene{ops: []op{pressedSource, {name: "agg", kind: "window", salt: true, fold: true, chain: 1, own: []float64{0.05, 0.05, 0.99, 0.05}, in: 1000, inputs: []float64{0.05, 0.05, 0.85, 0.05}}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9, keys: hot}}, cpu: 1},
			[]string{"warning agg skew 2"}, []string{`key "unknown" has 83 % of the records`, "Salted(4)", "all records of a key go to one subtask"}},
		{"a hot subtask without a hot key", scene{ops: []op{pressedSource, {name: "agg", kind: "window", chain: 1, own: []float64{0.3, 0.3, 0.99, 0.3}, in: 1000, inputs: []float64{0.15, 0.15, 0.55, 0.15}}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1},
			[]string{"warning agg skew 2"}, []string{"55 % of the records, and no single key stands out"}},
		{"a hot subtask among busy ones", scene{ops: []op{pressedSource, {name: "agg", kind: "window", chain: 1, own: []float64{0.6, 0.6, 0.99, 0.6}, in: 1000, inputs: []float64{0.2, 0.2, 0.4, 0.2}}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9, waits: []float64{0, 0.05, 0.95, 0}}}, cpu: 1},
			[]string{"warning agg skew 2"}, nil},
		{"busy subtasks that all press", scene{ops: []op{pressedSource, {name: "agg", kind: "window", chain: 1, own: []float64{0.9, 0.9, 0.99, 0.9}}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9, waits: []float64{0, 0.05, 0.95, 0}}}, cpu: 1},
			[]string{"warning agg cpu"}, nil},
		{"expensive records", scene{ops: []op{pressedSource, {name: "agg", kind: "window", chain: 1, own: []float64{0.1, 0.1, 0.99, 0.1}, in: 1000}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1},
			[]string{"warning agg skew 2"}, []string{"they cost more than others"}},
		{"a hot chain of many operators", scene{ops: []op{pressedSource,
			{name: "a", kind: "window", chain: 1, busy: 0, own: []float64{0.05, 0.45, 0.05, 0.05}},
			{name: "b", kind: "map", chain: 1, busy: 0, own: []float64{0.05, 0.5, 0.05, 0.05}}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}, {from: 1, to: 2}}, cpu: 1, each: func(s int, j *metric.Job) {
				for _, o := range j.Operators[1:] { // both are busy with both
					o.Subtasks[1].Busy = time.Duration(s) * 950 * time.Millisecond
				}
			}},
			[]string{"warning b skew 1"}, nil},
		{"few splits", scene{ops: []op{op{name: "src", kind: "source", own: []float64{0.9, 0, 0, 0}, out: 1000, splits: []int64{1, 0, 0, 0}, outside: "kafka clicks"}.with(steadily(5000, 700))}},
			[]string{"warning src splits"}, []string{"nothing to read for 3 of 4 subtasks: kafka clicks has 1 split;", "Rebalance()", "raising Parallelism"}},
		{"one split too few", scene{ops: []op{op{name: "src", kind: "source", own: []float64{0.9, 0.9, 0}, out: 1000, splits: []int64{1, 1, 0}}.with(steadily(5000, 700))}},
			[]string{"warning src splits"}, []string{"nothing to read for 1 of 3 subtasks: the input has 2 splits"}},
		{"few splits before an operator one to one", scene{ops: []op{
			op{name: "src", kind: "source", own: []float64{0.1, 0.1, 0, 0}, blocked: 0.4, out: 1000, splits: []int64{1, 1, 0, 0}}.with(steadily(5000, 700)),
			{name: "score", kind: "map", chain: 1, own: []float64{0.99, 0.99, 0, 0}, in: 1000}},
			edges: []edge{{from: 0, to: 1, blocked: 0.4, kind: "forward"}}, cpu: 2},
			[]string{"warning src splits"}, nil},
		{"a source that waits", scene{ops: []op{op{name: "src", kind: "source", busy: 0.1, out: 1000, outside: "kafka clicks"}.with(steadily(5000, 700)), {name: "map", kind: "map", chain: 1, busy: 0.1}},
			edges: []edge{{from: 0, to: 1}}},
			[]string{"warning src source"}, []string{"nothing presses it", "kafka.FetchMaxBytes", "fetch_max_bytes", "scaling later operators"}},
		{"a source that decodes", scene{ops: []op{op{name: "src", kind: "source", busy: 0.98, out: 1000, splits: []int64{8}}.with(steadily(5000, 700)), {name: "map", kind: "map", chain: 1, busy: 0.1}},
			edges: []edge{{from: 0, to: 1}}, cpu: 1},
			[]string{"warning src source"}, []string{"decode less", "up to its 8 splits"}},
		{"a slow stream falls behind", scene{ops: []op{op{name: "src", kind: "source", busy: 0.1, out: 5}.with(steadily(10, 5))}, seconds: 9},
			[]string{"warning src source"}, nil},
		{"sink", scene{ops: []op{pressedSource, {name: "out", kind: "sink", chain: 1, busy: 0.99, external: 0.95, outside: "kafka hot"}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning out sink"}, []string{"waits 95 % of the time for kafka hot", "kafka.BatchBytes", "batch_bytes", "which merely wait"}},
		{"a sink that waits in Write", scene{ops: []op{pressedSource, {name: "out", kind: "sink", chain: 1, busy: 0.99, outside: "http ledger"}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 0.1},
			[]string{"warning out sink"}, nil},
		{"garbage", scene{ops: []op{pressedSource, {name: "parse", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1.5, gc: 0.45, heap: 900 << 20, limit: 1 << 30},
			[]string{"warning parse cpu", "warning parse gc"}, nil},
		{"two in different branches", scene{ops: []op{pressedSource,
			{name: "a", kind: "map", chain: 1, busy: 0.99}, {name: "b", kind: "async", chain: 2, busy: 0.99, external: 0.97}, {name: "c", kind: "map", chain: 3, busy: 0.8}},
			edges: []edge{{from: 0, to: 1, blocked: 0.6}, {from: 0, to: 2, blocked: 0.3}, {from: 0, to: 3}}, cpu: 1},
			[]string{"warning a cpu", "warning b outside"}, nil},
		{"two, one of which hides the other", scene{ops: []op{pressedSource,
			{name: "a", kind: "map", chain: 1, busy: 0.99}, {name: "b", kind: "map", chain: 2, busy: 0.96}},
			edges: []edge{{from: 0, to: 1, blocked: 0.88}, {from: 0, to: 2, blocked: 0.02}}, cpu: 1},
			[]string{"warning a cpu", "note b cpu"}, nil},
		{"two lines", scene{ops: []op{
			{name: "one", kind: "source", busy: 0.1, blocked: 0.9, out: 100}, {name: "two", kind: "source", chain: 1, busy: 0.2, blocked: 0.5, out: 100},
			{name: "a", kind: "map", chain: 2, busy: 0.99}, {name: "b", kind: "sink", chain: 3, busy: 0.99, external: 0.9}},
			edges: []edge{{from: 0, to: 2, blocked: 0.9}, {from: 1, to: 3, blocked: 0.5}}, cpu: 1},
			[]string{"warning a cpu", "warning b sink"}, nil},
		{"a slow branch", scene{ops: []op{pressedSource,
			{name: "a", kind: "map", chain: 1, busy: 0.05}, {name: "b", kind: "map", chain: 2, busy: 0.99}, {name: "c", kind: "map", chain: 3, busy: 0.1}},
			edges: []edge{{from: 0, to: 1}, {from: 0, to: 2, blocked: 0.9}, {from: 0, to: 3}}, cpu: 1},
			[]string{"warning b cpu", "warning b branch"}, nil},
		{"a diamond with a slow end has no slow branch", scene{ops: []op{pressedSource,
			{name: "a", kind: "map", chain: 1, busy: 0.05, blocked: 0.9}, {name: "b", kind: "map", chain: 2, busy: 0.05, blocked: 0.9}, {name: "join", kind: "join", chain: 3, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.45}, {from: 0, to: 2, blocked: 0.45}, {from: 1, to: 3, blocked: 0.9}, {from: 2, to: 3, blocked: 0.9}}, cpu: 1},
			[]string{"warning join cpu"}, nil},
		{"a file read at full speed", scene{ops: []op{{name: "src", kind: "source", busy: 0.1, blocked: 0.9, out: 1000, bounded: true}, {name: "parse", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1},
			[]string{"note parse cpu"}, nil},
		{"catching up, pressed", scene{ops: []op{pressedSource.with(steadily(200_000, -4000)), {name: "parse", kind: "map", chain: 1, busy: 0.99}},
			edges: []edge{{from: 0, to: 1, blocked: 0.9}}, cpu: 1},
			[]string{"note parse cpu", "note src lag"}, []string{"falls by 4.0k/s"}},
		{"catching up at the source's full speed", scene{ops: []op{op{name: "src", kind: "source", busy: 0.95, out: 1000}.with(steadily(200_000, -400)), {name: "parse", kind: "map", chain: 1, busy: 0.2}},
			edges: []edge{{from: 0, to: 1}}, cpu: 1},
			[]string{"note src lag"}, []string{"gone in 8 min"}},
		{"starved", scene{ops: []op{{name: "src", kind: "source", outside: "kafka clicks"}, {name: "parse", kind: "map", chain: 1}}, edges: []edge{{from: 0, to: 1}}},
			[]string{"note src starved"}, []string{"kafka clicks has delivered nothing for 10 s"}},
		{"stuck", scene{ops: []op{op{name: "src", kind: "source", outside: "kafka clicks"}.with(steadily(5000, 0))}, seconds: 30},
			[]string{"warning src source"}, []string{"has read nothing for 30 s, though 5.0k records are there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.scene.seconds = max(c.scene.seconds, 10)
			samples := story(c.scene)
			r := Examine(samples)
			if got := said(r); !slices.Equal(got, c.want) {
				t.Fatalf("said %q, want %q\n%+v", got, c.want, r.Findings)
			}
			if healthy := !strings.Contains(strings.Join(c.want, ","), "warning"); r.Healthy != healthy {
				t.Errorf("healthy: %v", r.Healthy)
			}
			for _, f := range r.Findings {
				if f.Evidence == "" || f.Remedy == "" || f.Cause.Words() == string(f.Cause) || f.Avoid == "" && f.Severity != Note {
					t.Errorf("a finding without words: %+v", f)
				}
			}
			for _, h := range c.has {
				if f := r.Findings[0]; !strings.Contains(f.Evidence+"|"+f.Remedy+"|"+f.Avoid, h) {
					t.Errorf("no %q in %+v", h, f)
				}
			}
			if again := Examine(samples); !reflect.DeepEqual(r, again) {
				t.Errorf("not deterministic: %+v, then %+v", r, again)
			}
		})
	}
}
