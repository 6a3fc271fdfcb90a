package diagnosis

import (
	"strings"
	"testing"
)

func TestBottleneck(t *testing.T) {
	src := op{name: "src", kind: "source", chain: 0, busy: 0.2, blocked: 0.8, out: 1000}
	for _, c := range []struct {
		name  string
		ops   []op
		edges []edge
		want  string // operator cause subtask, "" for none
	}{
		{"idle", []op{
			{name: "src", kind: "source", busy: 0.1},
			{name: "map", kind: "map", chain: 1, busy: 0.05},
		}, []edge{{from: 0, to: 1, blocked: 0}}, ""},
		{"little pressure is none", []op{
			{name: "src", kind: "source", busy: 0.9, blocked: 0.1},
			{name: "map", kind: "map", chain: 1, busy: 0.95},
		}, []edge{{from: 0, to: 1, blocked: 0.1}}, ""},
		{"pressure by bursts on a task with time left", []op{
			{name: "src", kind: "source", busy: 0.7, blocked: 0.3},
			{name: "map", kind: "map", chain: 1, busy: 0.3},
		}, []edge{{from: 0, to: 1, blocked: 0.3}}, ""},
		{"first of three", []op{
			src,
			{name: "a", kind: "map", chain: 1, busy: 0.97},
			{name: "b", kind: "map", chain: 2, busy: 0.4},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0}}, "a cpu -1"},
		{"last of three", []op{
			src,
			{name: "a", kind: "map", chain: 1, busy: 0.5, blocked: 0.5},
			{name: "b", kind: "map", chain: 2, busy: 1},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0.5}}, "b cpu -1"},
		{"pressure that is felt in the middle only", []op{
			{name: "src", kind: "source", busy: 0.3},
			{name: "a", kind: "map", chain: 1, busy: 0.3, blocked: 0.6},
			{name: "b", kind: "map", chain: 2, busy: 1},
		}, []edge{{from: 0, to: 1, blocked: 0.05}, {from: 1, to: 2, blocked: 0.6}}, "b cpu -1"},
		{"a busy sender is guiltier than a bursty receiver", []op{
			src,
			{name: "a", kind: "map", chain: 1, busy: 0.88, blocked: 0.12},
			{name: "b", kind: "map", chain: 2, busy: 0.4},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0.12}}, "a cpu -1"},
		{"a busy source fed to a slow map", []op{
			{name: "src", kind: "source", busy: 0.6, blocked: 0.4},
			{name: "a", kind: "map", chain: 1, busy: 0.99},
		}, []edge{{from: 0, to: 1, blocked: 0.4}}, "a cpu -1"},
		{"inside of a chain the largest own share", []op{
			src,
			{name: "parse", kind: "map", chain: 1, busy: 0.99, own: []float64{0.2}},
			{name: "score", kind: "map", chain: 1, busy: 0.99, own: []float64{0.7}},
			{name: "filter", kind: "filter", chain: 1, busy: 0.99, own: []float64{0.09}},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0}, {from: 2, to: 3, blocked: 0}}, "score cpu -1"},
		{"outside inside of a chain", []op{
			src,
			{name: "parse", kind: "map", chain: 1, busy: 0.99, own: []float64{0.1}},
			{name: "enrich", kind: "async", chain: 1, busy: 0.99, own: []float64{0.89}, external: 0.85},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0}}, "enrich outside -1"},
		{"throttled", []op{
			src, {name: "enrich", kind: "async", chain: 1, busy: 1, external: 0.98, throttled: 40},
		}, []edge{{from: 0, to: 1, blocked: 0.8}}, "enrich throttled -1"},
		{"refusals do not matter to an operator busy with itself", []op{
			src, {name: "enrich", kind: "async", chain: 1, busy: 1, external: 0.1, throttled: 1},
		}, []edge{{from: 0, to: 1, blocked: 0.8}}, "enrich cpu -1"},
		{"sink", []op{
			src,
			{name: "map", kind: "map", chain: 1, busy: 0.1, blocked: 0.9},
			{name: "out", kind: "sink", chain: 2, busy: 1, external: 0.9, outside: "kafka hot-items"},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0.9}}, "out sink -1"},
		{"a sink that encodes", []op{
			src, {name: "out", kind: "sink", chain: 1, busy: 1, external: 0.05},
		}, []edge{{from: 0, to: 1, blocked: 0.8}}, "out cpu -1"},
		{"one hot subtask of four", []op{
			src,
			{name: "agg", kind: "window", chain: 1, own: []float64{0.05, 0.1, 0.99, 0.05}},
			{name: "out", kind: "sink", chain: 2, busy: 0.1},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0}}, "agg skew 2"},
		{"one hot subtask behind a moderately busy sender", []op{
			src,
			{name: "map", kind: "map", chain: 1, busy: 0.4, blocked: 0.6},
			{name: "agg", kind: "window", chain: 2, own: []float64{0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.99}},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0.6}}, "agg skew 7"},
		{"skew within a chain", []op{
			src,
			{name: "agg", kind: "window", chain: 1, busy: 0.3, own: []float64{0.9, 0.02, 0.02, 0.02}},
			{name: "fmt", kind: "map", chain: 1, busy: 0.3, own: []float64{0.3, 0.3, 0.3, 0.3}},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0}}, "agg skew 0"},
		{"all four subtasks busy", []op{
			src, {name: "agg", kind: "window", chain: 1, own: []float64{0.9, 0.95, 0.99, 0.9}},
		}, []edge{{from: 0, to: 1, blocked: 0.8}}, "agg cpu -1"},
		{"diamond with a slow side", []op{
			src,
			{name: "left", kind: "map", chain: 1, busy: 0.2},
			{name: "right", kind: "map", chain: 2, busy: 0.98},
			{name: "join", kind: "union", chain: 3, busy: 0.2},
		}, []edge{{from: 0, to: 1, blocked: 0.02}, {from: 0, to: 2, blocked: 0.78}, {from: 1, to: 3, blocked: 0}, {from: 2, to: 3, blocked: 0}}, "right cpu -1"},
		{"diamond with a slow end", []op{
			src,
			{name: "left", kind: "map", chain: 1, busy: 0.2, blocked: 0.7},
			{name: "right", kind: "map", chain: 2, busy: 0.3, blocked: 0.6},
			{name: "join", kind: "union", chain: 3, busy: 1},
		}, []edge{{from: 0, to: 1, blocked: 0.5}, {from: 0, to: 2, blocked: 0.3}, {from: 1, to: 3, blocked: 0.7}, {from: 2, to: 3, blocked: 0.6}}, "join cpu -1"},
		{"fan-out with one slow branch", []op{
			src,
			{name: "a", kind: "sink", chain: 1, busy: 0.1},
			{name: "b", kind: "sink", chain: 2, busy: 1, external: 0.97},
			{name: "c", kind: "sink", chain: 3, busy: 0.1},
		}, []edge{{from: 0, to: 1, blocked: 0}, {from: 0, to: 2, blocked: 0.8}, {from: 0, to: 3, blocked: 0}}, "b sink -1"},
		{"fan-out in the middle, slow at its end", []op{
			src,
			{name: "split", kind: "split", chain: 1, busy: 0.1, blocked: 0.9},
			{name: "a", kind: "map", chain: 2, busy: 0.4},
			{name: "b", kind: "map", chain: 3, busy: 0.2, blocked: 0.8},
			{name: "out", kind: "sink", chain: 4, busy: 1, external: 0.9},
		}, []edge{{from: 0, to: 1, blocked: 0.8}, {from: 1, to: 2, blocked: 0.1}, {from: 1, to: 3, blocked: 0.8}, {from: 3, to: 4, blocked: 0.8}}, "out sink -1"},
		{"two at once: the one that presses more", []op{
			{name: "one", kind: "source", busy: 0.5, blocked: 0.5},
			{name: "two", kind: "source", chain: 1, busy: 0.1, blocked: 0.9},
			{name: "a", kind: "map", chain: 2, busy: 1},
			{name: "b", kind: "map", chain: 3, busy: 1},
		}, []edge{{from: 0, to: 2, blocked: 0.5}, {from: 1, to: 3, blocked: 0.9}}, "b cpu -1"},
		{"growing lag without pressure", []op{
			{name: "src", kind: "source", busy: 0.2, out: 1000, lag: []float64{5000, 5800}, outside: "kafka clicks"},
			{name: "map", kind: "map", chain: 1, busy: 0.1},
		}, []edge{{from: 0, to: 1, blocked: 0}}, "src source -1"},
		{"growing lag with pressure", []op{
			{name: "src", kind: "source", busy: 0.2, blocked: 0.8, out: 1000, lag: []float64{5000, 5800}},
			{name: "map", kind: "map", chain: 1, busy: 1},
		}, []edge{{from: 0, to: 1, blocked: 0.8}}, "map cpu -1"},
		{"growing lag by what is fused with the source", []op{
			{name: "src", kind: "source", busy: 1, own: []float64{0.1}, out: 1000, lag: []float64{5000, 5800}},
			{name: "score", kind: "map", busy: 1, own: []float64{0.9}},
		}, []edge{{from: 0, to: 1, blocked: 0}}, "score cpu -1"},
		{"the lag that grows most", []op{
			{name: "a", kind: "source", busy: 0.2, out: 1000, lag: []float64{5000, 5100}},
			{name: "b", kind: "source", chain: 1, busy: 0.9, out: 1000, lag: []float64{5000, 6100}},
		}, nil, "b source -1"},
		{"draining lag", []op{
			{name: "src", kind: "source", busy: 0.9, out: 1000, lag: []float64{5800, 5000}},
		}, nil, ""},
		{"lag that wavers", []op{
			{name: "src", kind: "source", busy: 0.9, out: 10_000, lag: []float64{200, 900}},
		}, nil, ""},
		{"nothing", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rates, now := second(c.ops, c.edges...)
			f, ok := Bottleneck(rates, now)
			got := ""
			if ok {
				got = f.Operator + " " + string(f.Cause) + " " + string('0'+rune(f.Subtask))
				if f.Subtask < 0 {
					got = f.Operator + " " + string(f.Cause) + " -1"
				}
				if f.Evidence == "" || f.Remedy == "" || f.Cause.Words() == string(f.Cause) {
					t.Errorf("a finding without words: %+v", f)
				}
			}
			if got != c.want {
				t.Errorf("found %q, want %q\n%s", got, c.want, f.Evidence)
			}
			if again, _ := Bottleneck(rates, now); again != f {
				t.Errorf("not deterministic: %+v, then %+v", f, again)
			}
		})
	}
}

func TestWordsOfFindings(t *testing.T) {
	src := op{name: "clicks", kind: "source", busy: 0.13, blocked: 0.87, out: 9800}
	for _, c := range []struct {
		ops                     []op
		evidence, remedy, avoid string
	}{
		{[]op{src, {name: "enrich", kind: "async", chain: 1, busy: 0.98, external: 0.95, in: 9800, throttled: 12}},
			"waits outside 95 % of the time, 12 calls/s refused (429); 9.8k records/s in; clicks is blocked by it 87 % of the time",
			`lower InFlight on "enrich"`, "more parallelism, more calls in flight or larger buffers"},
		{[]op{src, {name: "score", kind: "map", chain: 1, busy: 0.98, in: 9800}},
			"works 98 % of the time; 9.8k records/s in; clicks is blocked by it 87 % of the time",
			`raise Parallelism on "score" (in YAML parallelism, now 1)`, "scaling the operators before it"},
		{[]op{src, {name: "hot-items", kind: "sink", chain: 1, busy: 0.98, external: 0.96, in: 12, outside: "kafka hot-items"}},
			"waits 96 % of the time for kafka hot-items; 12 records/s in; clicks is blocked by it 87 % of the time",
			"kafka.BatchBytes", "larger buffers: they only delay this"},
	} {
		f, ok := Bottleneck(second(c.ops, edge{from: 0, to: 1, blocked: 0.87}))
		if !ok || f.Evidence != c.evidence || !strings.Contains(f.Remedy, c.remedy) || !strings.Contains(f.Avoid, c.avoid) {
			t.Errorf("found %+v,\nwant evidence %q\na remedy with %q, and to avoid %q", f, c.evidence, c.remedy, c.avoid)
		}
	}
	f, _ := Bottleneck(second([]op{{name: "clicks", kind: "source", busy: 0.2, out: 1000, lag: []float64{5000, 5800}}}))
	if want := "lag of clicks is 5.8k and grows by 800/s; nothing presses it; works 20 % and waits for data 80 % of the time"; f.Evidence != want {
		t.Errorf("evidence %q, want %q", f.Evidence, want)
	}
}

func TestNoBottleneckOfAJobThatDoesNotRun(t *testing.T) {
	rates, now := second([]op{
		{name: "src", kind: "source", blocked: 1}, {name: "map", kind: "map", chain: 1, busy: 1},
	}, edge{from: 0, to: 1, blocked: 1})
	if _, ok := Bottleneck(rates, now); !ok {
		t.Fatal("no bottleneck while it runs")
	}
	for _, state := range []string{"created", "finished", "failed", "cancelled"} {
		now.State = state
		if f, ok := Bottleneck(rates, now); ok {
			t.Errorf("%s: %+v", state, f)
		}
	}
	if _, ok := Bottleneck(rates, nil); ok {
		t.Error("a bottleneck of no job")
	}
	now.State, rates.Interval = "running", shortest-1
	if _, ok := Bottleneck(rates, now); ok {
		t.Error("a bottleneck of a moment")
	}
}

// TestBranchesThatMeetAgain finds the culprit behind many diamonds once, and not by
// each of the ways that lead to it.
func TestBranchesThatMeetAgain(t *testing.T) {
	const diamonds = 12
	ops := []op{{name: "src", kind: "source", busy: 0.1, blocked: 0.8}}
	var edges []edge
	for i := range diamonds {
		from, last := len(ops)-1, i == diamonds-1
		for range 2 {
			ops = append(ops, op{name: "side", kind: "map", chain: len(ops), busy: 0.1, blocked: 0.8})
			edges = append(edges, edge{from: from, to: len(ops) - 1, blocked: 0.4})
		}
		end := op{name: "meet", kind: "union", chain: len(ops), busy: 0.1, blocked: 0.8}
		if last {
			end = op{name: "slow", kind: "union", chain: len(ops), busy: 1}
		}
		ops = append(ops, end)
		for k := range 2 {
			edges = append(edges, edge{from: from + 1 + k, to: len(ops) - 1, blocked: 0.8})
		}
	}
	rates, now := second(ops, edges...)
	l := lookAt(nil, now, rates)
	if found := (walk{}).follow(l.arrows[0]); len(found) != 1 {
		t.Errorf("found %d times", len(found))
	}
	if f, ok := Bottleneck(rates, now); !ok || f.Operator != "slow" {
		t.Errorf("%+v", f)
	}
}
