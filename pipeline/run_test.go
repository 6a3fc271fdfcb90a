package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench runs pipelines whose files are in a directory of their own: DIR in the
// text.
type bench struct {
	*testing.T
	dir string
}

func newBench(t *testing.T) *bench { return &bench{T: t, dir: t.TempDir()} }

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) read(name string) string {
	b.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return string(data)
}

// sorted are the lines of a file, sorted.
func (b *bench) sorted(name string) []string {
	lines := strings.Split(strings.TrimSuffix(b.read(name), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func (b *bench) load(text string, set ...string) *Pipeline {
	b.Helper()
	lookup := func(name string) (string, bool) { return b.dir, name == "DIR" }
	p, err := Load("test.yaml", []byte(text), Options{Lookup: lookup, Set: set})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) run(text string, parallelism int) error {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	p := b.load(text)
	defer p.Close()
	return p.Build(afflux.OverrideParallelism(parallelism)).Run(ctx)
}

func (b *bench) mustRun(text string, parallelism int) {
	b.Helper()
	if err := b.run(text, parallelism); err != nil {
		b.Fatal(err)
	}
}

// equal compares lines.
func (b *bench) equal(got []string, want ...string) {
	b.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestColumnsAndConditions(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "id;at;n;skip\na;2026-01-02 03:04:05;3;x\nb;2026-01-02 13:04:05;;y\n\"c;d\";2026-01-03T00:00:00Z;-7;z\n")
	b.mustRun(`
sources:
  in:
    file: { path: "${DIR}/in.csv", delimiter: ";" }
    columns: { name: { type: string, from: id }, at: time, n: int }
steps:
  - { name: known, filter: n != nil }
  - name: more
    set:
      half: n / 2
      n: n * 10
      label: upper(name) + "-" + format_time(at, "15h")
  - { name: less, drop: at }
  - { name: order, select: [label, n, half] }
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
`, 1)
	b.equal(b.sorted("out.csv"), "label,n,half", "A-03h,30,1.5", "C;D-00h,-70,-3.5")
}

func TestMapReplacesAllColumns(t *testing.T) {
	b := newBench(t)
	b.write("in.jsonl", `{"a":{"b":[1,2,{"c":"deep"}]},"t":1700000000,"ms":1700000000123,"d":"90s"}`+"\n")
	b.mustRun(`
sources:
  in:
    file: { path: "${DIR}/in.jsonl" }
    columns: { a: any, t: { type: time, layout: unix }, ms: { type: time, layout: unix_ms }, d: duration }
steps:
  - name: map
    map: { deep: 'a.b[2].c', n: 'len(a.b)', t: t, later: t + d, ms: unix_ms(ms), all: a }
sinks:
  out: { file: { path: "${DIR}/out.jsonl" } }
`, 1)
	b.equal(b.sorted("out.jsonl"), `{"deep":"deep","n":3,"t":"2023-11-14T22:13:20Z","later":"2023-11-14T22:14:50Z","ms":1700000000123,"all":{"b":[1,2,{"c":"deep"}]}}`)
}

func TestSplitUnionFlatMap(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "n,tags\n1,a b\n20,c\n300,\n5,d e f\n")
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { n: int, tags: string } }
steps:
  - name: ways
    split: { small: n < 10, middle: n < 100, large: else }
  - { name: both, union: [ways.small, ways.large] }
  - name: tag
    flat_map: { each: 'split(tags, " ")', as: tag, type: string }
  - { name: short, drop: tags }
sinks:
  tags: { file: { path: "${DIR}/tags.csv" } }
  middle: { from: ways.middle, file: { path: "${DIR}/middle.csv", header: false } }
`, 2)
	b.equal(b.sorted("tags.csv"), "n,tag", "1,a", "1,b", "300,", "5,d", "5,e", "5,f")
	b.equal(b.sorted("middle.csv"), "20,c")
}

// refusing is a pipeline in which the row n=0 fails at a step.
const refusing = `
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { n: int }, on_error: POLICY }
steps:
  - { name: divide, set: { q: 'int(10 % n)' }, on_error: POLICY }
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`

func TestPolicies(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "n\n3\n0\nx\n4\n")
	if err := b.run(strings.ReplaceAll(refusing, "POLICY", "fail"), 1); err == nil || !strings.Contains(err.Error(), "in") {
		t.Errorf("policy fail: %v", err)
	}
	b.mustRun(strings.ReplaceAll(refusing, "POLICY", "skip"), 1)
	b.equal(b.sorted("out.csv"), "n,q", "3,1", "4,2")
	b.mustRun(strings.ReplaceAll(refusing, "POLICY", "dead_letter"), 1)
	b.equal(b.sorted("out.csv"), "n,q", "3,1", "4,2")
	letters := b.read("letters.jsonl")
	for _, want := range []string{`"operator":"in"`, `in.csv:4"`, `\"x\" is not a whole number`, `"operator":"divide"`, `{\"n\":0}`} {
		if !strings.Contains(letters, want) {
			t.Errorf("no %s in the dead letters:\n%s", want, letters)
		}
	}
}

func TestMissingEventTimeIsRefused(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "at,n\n2026-01-01 00:00:00,1\n,2\n")
	b.write("in.jsonl", `{"at":"2026-01-01","n":1}`+"\n"+`{"n":2}`+"\n")
	for _, f := range []string{"in.csv", "in.jsonl"} {
		b.mustRun(`
sources:
  in: { file: { path: "${DIR}/`+f+`" }, columns: { at: time, n: int }, event_time: { column: at }, on_error: dead_letter }
sinks:
  out: { file: { path: "${DIR}/out.csv", columns: n } }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`, 1)
		b.equal(b.sorted("out.csv"), "n", "1")
		if l := b.read("letters.jsonl"); !strings.Contains(l, "event time") || strings.Count(l, "\n") != 1 {
			t.Errorf("%s: %s", f, l)
		}
	}
}

func TestLateRecords(t *testing.T) {
	b := newBench(t)
	// More rows than a batch come between, so that the watermark passes.
	var in strings.Builder
	in.WriteString("at,n\n")
	for range 20_000 {
		in.WriteString("2026-01-01 10:00:00,1\n")
	}
	in.WriteString("2026-01-01 02:00:00,77\n")
	b.write("in.csv", in.String())
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, n: int }, event_time: { column: at, out_of_orderness: 1h } }
steps:
  - { name: w, key_by: n, window: { tumbling: 1h }, aggregate: { c: count() } }
  - { name: mark, from: w.late, set: { was: '"late"' } }
sinks:
  out: { from: w, file: { path: "${DIR}/out.csv" } }
  late: { from: mark, file: { path: "${DIR}/late.csv" } }
`, 1)
	b.equal(b.sorted("out.csv"), "window_start,window_end,n,c", "2026-01-01 10:00:00,2026-01-01 11:00:00,1,20000")
	b.equal(b.sorted("late.csv"), "at,n,was", "2026-01-01 02:00:00,77,late")
}

func TestRollingAggregate(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "k,n\na,1\nb,5\na,2\na,\n")
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { k: string, n: int } }
steps:
  - { name: sum, key_by: k, aggregate: { total: sum(n), rows: count() } }
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
`, 1)
	b.equal(b.sorted("out.csv"), "k,total,rows", "a,1,1", "b,5,1", "a,3,2", "a,3,3")
}

func TestSumOutOfRangeIsAnError(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", "n\n9223372036854775807\n1\n")
	err := b.run(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { n: int } }
steps:
  - { name: sum, aggregate: { total: sum(n) } }
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
`, 1)
	if err == nil || !strings.Contains(err.Error(), "out of the range") {
		t.Errorf("got %v", err)
	}
}

func TestGenerator(t *testing.T) {
	b := newBench(t)
	b.mustRun(`
sources:
  g:
    generator: { count: 5, fields: { n: i * i, at: 'from_unix(1700000000 + i)', even: i % 2 == 0 } }
    event_time: { column: at }
    parallelism: 1
sinks:
  out: { file: { path: "${DIR}/out.csv" } }
`, 1)
	b.equal(b.sorted("out.csv"), "n,at,even", "0,2023-11-14 22:13:20,true", "1,2023-11-14 22:13:21,false",
		"4,2023-11-14 22:13:22,true", "9,2023-11-14 22:13:23,false", "16,2023-11-14 22:13:24,true")
}

// TestLatencyEvery sends as many markers as the file says, or none.
func TestLatencyEvery(t *testing.T) {
	b := newBench(t)
	for every, want := range map[string]bool{"1ms": true, "1h": false, "0": false} {
		p := b.load(`
sources:
  g: { generator: { count: 200, rate: 2000, fields: { n: i } } }
sinks:
  out: { blackhole: {} }
`, "latency_every="+every)
		r, err := p.Build(afflux.OverrideParallelism(1)).Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		p.Close()
		l := r.Snapshot().Latencies
		often := slices.ContainsFunc(l, func(l afflux.Latency) bool { return l.From >= 0 && l.Count > 1 })
		if often != want || (len(l) == 0) != (every == "0") {
			t.Errorf("with %s: %+v", every, l)
		}
	}
}

func TestRaw(t *testing.T) {
	b := newBench(t)
	b.write("in.log", "one  line\nanother\n")
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.log" } }
steps:
  - { name: s, map: { out: clean(value) + "!" } }
sinks:
  out: { file: { path: "${DIR}/out.txt" } }
`, 1)
	b.equal(b.sorted("out.txt"), "one line!", "another!")
}
