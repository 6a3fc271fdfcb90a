package terminal

import (
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

// timed is pressed with latencies.
func timed(seconds int) *metric.Job {
	j := pressed(seconds)
	j.Latencies = []metric.Latency{
		{From: -1, To: 5, Kind: metric.EventTimeLatency, Count: 900, P50: 4200 * time.Millisecond, P99: 65 * time.Second, P999: 66 * time.Second, Max: 67 * time.Second},
		{From: 0, To: 3, Kind: metric.MarkerLatency, Count: 60, P50: 85 * time.Microsecond, P99: 1240 * time.Microsecond, P999: 2 * time.Millisecond, Max: 2 * time.Millisecond},
		{From: 0, To: 5, Kind: metric.MarkerLatency, Count: 60, P50: 9960 * time.Microsecond, P99: 850 * time.Millisecond, P999: time.Second, Max: time.Second},
	}
	return j
}

func TestLatencyLine(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{
		{100, "latency p50/p99: clicks → 品目 10ms/850ms · clicks → item 85µs/1.2ms · event time at 品目 4.2s/1m05s"},
		{80, "latency p50/p99: clicks → 品目 10ms/850ms · clicks → item 85µs/1.2ms"},
		{30, "latency p50/p99: clicks → 品…"},
	} {
		text := Render(timed(100), metric.Rates{}, (*diagnosis.Finding)(nil), c.width, 40, false)
		got := ""
		for l := range strings.Lines(text) {
			if strings.HasPrefix(l, "latency") {
				got += strings.TrimSuffix(l, "\n")
			}
		}
		if got != c.want {
			t.Errorf("at %d: %q, want %q", c.width, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	for want, ms := range map[string]float64{"0µs": 0, "999µs": 0.9999, "1.0ms": 1, "9.9ms": 9.94, "10ms": 9.95, "999ms": 999, "1.0s": 999.6, "1m05s": 65_000, "18.2y": 18.2 * 365 * 86_400_000} {
		if got := short(ms); got != want {
			t.Errorf("%v ms is %q, want %q", ms, got, want)
		}
	}
}

func TestLatenciesInSummary(t *testing.T) {
	s := Summarize(timed(100))
	if len(s.Latencies) != 3 || s.Latencies[0] != (Path{From: "clicks", To: "品目", Count: 60, P50: 9.96, P99: 850, P999: 1000, Max: 1000}) || s.Latencies[2].From != "" {
		t.Errorf("%+v", s.Latencies)
	}
	var lines []string
	for l := range strings.Lines(s.Table()) {
		if strings.Contains(l, "latency") || strings.Contains(l, "→") || strings.Contains(l, "event time") {
			lines = append(lines, strings.Join(strings.Fields(l), " "))
		}
	}
	if want := "latency p50/p99 10ms/850ms clicks → 品目|85µs/1.2ms clicks → item|4.2s/1m05s event time at 品目"; strings.Join(lines, "|") != want {
		t.Errorf("%q", lines)
	}
}
