package pipeline

import (
	"strings"
	"testing"
)

// TestTopOfCounts ranks the results of windows: the usual way to find what is
// most frequent.
func TestTopOfCounts(t *testing.T) {
	b := newBench(t)
	var in strings.Builder
	in.WriteString("at,item\n")
	for hour, counts := range []map[string]int{{"a": 3, "b": 5, "c": 4, "d": 1}, {"a": 2, "e": 1}} {
		for item, n := range counts {
			for range n {
				in.WriteString("2026-01-01 0" + string(rune('8'+hour)) + ":10:00," + item + "\n")
			}
		}
	}
	b.write("in.csv", in.String())
	for _, parallelism := range []int{1, 3} {
		b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, item: string }, event_time: { column: at, out_of_orderness: 1d } }
steps:
  - { name: counts, key_by: item, window: { tumbling: 1h }, aggregate: { n: count() } }
  - { name: best, window: { tumbling: 1h }, top: { n: 2, by: n, rank: place } }
sinks:
  out: { from: best, file: { path: "${DIR}/out.csv" } }
`, parallelism)
		b.equal(b.sorted("out.csv"), "window_start,window_end,item,n,place",
			"2026-01-01 08:00:00,2026-01-01 09:00:00,b,5,1",
			"2026-01-01 08:00:00,2026-01-01 09:00:00,c,4,2",
			"2026-01-01 09:00:00,2026-01-01 10:00:00,a,2,1",
			"2026-01-01 09:00:00,2026-01-01 10:00:00,e,1,2")
	}
}

func TestTopByKinds(t *testing.T) {
	b := newBench(t)
	b.write("in.csv", `at,user,i,f,s,d
2026-01-01 10:00:00,a,1,2.5,x,1s
2026-01-01 09:00:00,a,2,,y,3s
2026-01-01 08:00:00,a,3,1.5,z,2s
2026-01-01 08:00:00,b,9,9.5,q,9s
`)
	for by, want := range map[string][]string{
		"i":           {"a,3", "b,9"},
		"-i":          {"a,1", "b,9"},
		"f":           {"a,1", "b,9"},
		"s":           {"a,3", "b,9"},
		"d":           {"a,2", "b,9"},
		"at":          {"a,1", "b,9"},
		"i / (i - 9)": {"a,1", "b,9"},
	} {
		b.mustRun(`
sources:
  in:
    file: { path: "${DIR}/in.csv" }
    columns: { at: time, user: string, i: int, f: float, s: string, d: duration }
    event_time: { column: at, out_of_orderness: 1d }
steps:
  - { name: best, key_by: user, window: { tumbling: 1d }, top: { n: 1, by: `+by+` } }
sinks:
  out: { from: best, file: { path: "${DIR}/out.csv", columns: [user, i] } }
`, 2)
		b.equal(b.sorted("out.csv"), append([]string{"user,i"}, want...)...)
	}
}

// TestTopWithoutRank leaves records of which the rank is null out, refuses those
// that have none, and keeps late ones apart.
func TestTopWithoutRank(t *testing.T) {
	b := newBench(t)
	var in strings.Builder
	in.WriteString("at,n,f\n2026-01-01 08:00:00,1,\n2026-01-01 08:00:00,2,NaN\n2026-01-01 08:00:01,3,0.5\n")
	for range 20_000 { // more rows than a batch, so that the watermark passes
		in.WriteString("2026-01-01 10:00:00,0,\n")
	}
	in.WriteString("2026-01-01 08:00:00,4,3\n")
	b.write("in.csv", in.String())
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, n: int, f: float }, event_time: { column: at, out_of_orderness: 0s } }
steps:
  - { name: best, window: { tumbling: 1h }, top: { n: 5, by: f, rank: f } }
sinks:
  out: { from: best, file: { path: "${DIR}/out.csv", columns: [at, n, f] } }
  late: { from: best.late, file: { path: "${DIR}/late.csv" } }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`, 1)
	b.equal(b.sorted("out.csv"), "at,n,f", "2026-01-01 08:00:01,3,1")
	b.equal(b.sorted("late.csv"), "at,n,f", "2026-01-01 08:00:00,4,3.0")
	if letters := b.read("letters.jsonl"); strings.Count(letters, "\n") != 1 || !strings.Contains(letters, "has no rank") {
		t.Errorf("dead letters:\n%s", letters)
	}
}
