package pipeline

import (
	"strings"
	"testing"
)

func TestSessionsAndAllowedLateness(t *testing.T) {
	b := newBench(t)
	// More rows than a batch come between, so that the watermark passes.
	var in strings.Builder
	in.WriteString("at,user\n2026-01-01 08:00:00,a\n2026-01-01 08:20:00,a\n2026-01-01 08:50:00,a\n")
	for range 20_000 {
		in.WriteString("2026-01-01 10:00:00,b\n")
	}
	in.WriteString("2026-01-01 08:10:00,a\n2026-01-01 02:00:00,a\n") // allowed; too late
	b.write("in.csv", in.String())
	b.mustRun(`
sources:
  in: { file: { path: "${DIR}/in.csv" }, columns: { at: time, user: string }, event_time: { column: at, out_of_orderness: 0s } }
steps:
  - { name: w, key_by: user, window: { session: 30m, allowed_lateness: 3h }, aggregate: { c: count() } }
sinks:
  out: { from: w, file: { path: "${DIR}/out.csv" } }
  late: { from: w.late, file: { path: "${DIR}/late.csv" } }
`, 1)
	// A row at the very end of a session begins another.
	b.equal(b.sorted("out.csv"), "window_start,window_end,user,c",
		"2026-01-01 08:00:00,2026-01-01 08:50:00,a,2",
		"2026-01-01 08:00:00,2026-01-01 08:50:00,a,3",
		"2026-01-01 08:50:00,2026-01-01 09:20:00,a,1",
		"2026-01-01 10:00:00,2026-01-01 10:30:00,b,20000")
	b.equal(b.sorted("late.csv"), "at,user", "2026-01-01 02:00:00,a")
}

func TestWindowsOfTwoKinds(t *testing.T) {
	for window, want := range map[string]string{
		"{ session: 1m, tumbling: 1h }": "keep one of them",
		"{ session: 1m, offset: 2m }":   "it has no offset",
	} {
		_, err := Load("test.yaml", []byte(`
sources:
  in: { file: { path: in.csv }, columns: { at: time, n: int }, event_time: { column: at, out_of_orderness: 1h } }
steps:
  - { name: w, key_by: n, window: `+window+`, aggregate: { c: count() } }
sinks:
  out: { from: w, file: { path: out.csv } }
`), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", window, err, want)
		}
	}
}
