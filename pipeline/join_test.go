package pipeline

import (
	"strings"
	"testing"
)

// joining is a pipeline that joins bids with rates.
func joining(join string) string {
	return `
sources:
  bids: { file: { path: "${DIR}/bids.csv" }, columns: { at: time, cur: string, n: int }, event_time: { column: at, out_of_orderness: 1d } }
  rates: { file: { path: "${DIR}/rates.csv" }, columns: { at: time, currency: string, rate: int }, event_time: { column: at, out_of_orderness: 1d } }
steps:
  - { name: pairs, from: bids, join: { with: rates, left_key: cur, right_key: currency, ` + join + ` } }
sinks:
  out: { from: pairs, file: { path: "${DIR}/out.csv" } }
`
}

func TestJoin(t *testing.T) {
	b := newBench(t)
	b.write("bids.csv", `at,cur,n
2026-01-01 10:05:00,eur,1
2026-01-01 10:59:00,eur,2
2026-01-01 09:30:00,usd,3
2026-01-01 10:00:00,yen,4
`)
	b.write("rates.csv", `at,currency,rate
2026-01-01 10:00:00,eur,10
2026-01-01 10:30:00,eur,20
2026-01-01 12:00:00,usd,30
`)
	const header = "at,cur,n,right_at,right_currency,right_rate"
	const (
		first  = "2026-01-01 10:05:00,eur,1,2026-01-01 10:00:00,eur,10"
		second = "2026-01-01 10:05:00,eur,1,2026-01-01 10:30:00,eur,20"
		third  = "2026-01-01 10:59:00,eur,2,2026-01-01 10:00:00,eur,10"
		fourth = "2026-01-01 10:59:00,eur,2,2026-01-01 10:30:00,eur,20"
		usd    = "2026-01-01 09:30:00,usd,3,,,"
		yen    = "2026-01-01 10:00:00,yen,4,,,"
		late   = ",,,2026-01-01 12:00:00,usd,30"
	)
	for join, want := range map[string][]string{
		"window: { tumbling: 1h }":              {first, second, third, fourth},
		"window: { tumbling: 1h }, kind: left":  {first, second, third, fourth, usd, yen},
		"window: { tumbling: 1h }, kind: right": {first, second, third, fourth, late},
		"window: { session: 20m }, kind: full":  {first, usd, yen, "2026-01-01 10:59:00,eur,2,,,", ",,,2026-01-01 10:30:00,eur,20", late},
		"between: [-10m, 0]":                    {first},
		"between: [-10m, 0], kind: left":        {first, "2026-01-01 10:59:00,eur,2,,,", usd, yen},
		"between: [-30m, 25m], kind: right":     {first, second, fourth, late},
		"between: [-1h, 1h], kind: full":        {first, second, third, fourth, usd, yen, late},
		"as_of: true":                           {first, fourth},
		"as_of: true, kind: left":               {first, fourth, usd, yen},
	} {
		for _, parallelism := range []int{1, 3} {
			b.mustRun(joining(join), parallelism)
			b.equal(b.sorted("out.csv"), append([]string{header}, want...)...)
		}
		if t.Failed() {
			t.Fatalf("join %s", join)
		}
	}
	b.mustRun(joining("as_of: true, prefix: r_, set: { cur: upper(cur), value: n * r_rate }"), 2)
	b.equal(b.sorted("out.csv"), "at,cur,n,value", "2026-01-01 10:05:00,EUR,1,10", "2026-01-01 10:59:00,EUR,2,40")
}

// TestJoinOfNull joins a key that is missing with none, and refuses pairs for
// which an expression fails.
func TestJoinOfNull(t *testing.T) {
	b := newBench(t)
	b.write("left.jsonl", `{"at":"2026-01-01T10:00:00Z","n":1}
{"at":"2026-01-01T10:00:00Z","k":"a","n":2}
{"at":"2026-01-01T10:00:00Z","k":"b","n":3}
`)
	b.write("right.jsonl", `{"at":"2026-01-01T10:00:00Z","n":10}
{"at":"2026-01-01T10:00:00Z","k":"a","n":0}
{"at":"2026-01-01T10:00:00Z","k":"b","n":2}
`)
	for _, kind := range []string{"string", "any"} {
		b.mustRun(`
sources:
  left: { file: { path: "${DIR}/left.jsonl" }, columns: { at: time, k: `+kind+`, n: int }, event_time: { column: at } }
  right: { file: { path: "${DIR}/right.jsonl" }, columns: { at: time, k: string, n: int }, event_time: { column: at } }
steps:
  - name: pairs
    from: left
    join: { with: right, key: k, kind: full, window: { tumbling: 1h }, set: { share: 'n == nil ? -1 : right_n == nil ? -2 : n % right_n' } }
sinks:
  out: { file: { path: "${DIR}/out.csv", columns: [k, n, share] } }
dead_letters: { file: { path: "${DIR}/letters.jsonl" } }
`, 2)
		b.equal(b.sorted("out.csv"), "k,n,share", ",,-1", ",1,-2", "b,3,1")
		if letters := b.read("letters.jsonl"); strings.Count(letters, "\n") != 1 {
			t.Errorf("dead letters:\n%s", letters)
		}
	}
}

// TestJoinLate keeps late records of both sides, and joins a stream with itself.
func TestJoinLate(t *testing.T) {
	b := newBench(t)
	var in strings.Builder
	in.WriteString("at,n\n2026-01-01 08:00:00,1\n")
	for range 20_000 { // more rows than a batch, so that the watermark passes
		in.WriteString("2026-01-01 10:00:00,0\n")
	}
	in.WriteString("2026-01-01 08:00:00,4\n")
	b.write("in.csv", in.String())
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, n: int }, event_time: { column: at, out_of_orderness: 0s } }
steps:
  - { name: pairs, join: { with: in, left_key: n, right_key: n - 1, between: [-1s, 1s] } }
sinks:
  out: { from: pairs, file: { path: "${DIR}/out.csv", columns: n } }
  left: { from: pairs.late_left, file: { path: "${DIR}/left.csv" } }
  right: { from: pairs.late_right, file: { path: "${DIR}/right.csv" } }
`, 1)
	b.equal(b.sorted("out.csv"), "n")
	b.equal(b.sorted("left.csv"), "2026-01-01 08:00:00,4", "at,n")
	b.equal(b.sorted("right.csv"), "2026-01-01 08:00:00,4", "at,n")
}
