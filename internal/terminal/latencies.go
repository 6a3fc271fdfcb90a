package terminal

import (
	"fmt"
	"slices"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// mostLatencies is how many paths the summary tells of: those that took longest.
const mostLatencies = 4

// Path is the latency of one path of a Summary, of about its last minute.
type Path struct {
	// From is the source; empty for how old records were at the sink by event time.
	From string `json:"from,omitempty"`
	To   string `json:"to"`
	// Count is how many measurements there are. The quantiles are in milliseconds.
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// pathsOf names the latencies of a job, the largest p99 first; markers go before
// event time.
func pathsOf(job *metric.Job) []Path {
	names := map[int]string{}
	for i := range job.Operators {
		names[job.Operators[i].ID] = job.Operators[i].Name
	}
	list := slices.Clone(job.Latencies)
	slices.SortStableFunc(list, func(a, b metric.Latency) int {
		switch {
		case a.Kind != b.Kind && a.Kind == metric.MarkerLatency:
			return -1
		case a.Kind != b.Kind && b.Kind == metric.MarkerLatency:
			return 1
		}
		return int(min(max(b.P99-a.P99, -1), 1))
	})
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	paths := make([]Path, 0, len(list))
	for _, l := range list {
		p := Path{To: names[l.To], Count: l.Count, P50: ms(l.P50), P99: ms(l.P99), P999: ms(l.P999), Max: ms(l.Max)}
		if l.Kind == metric.MarkerLatency {
			p.From = names[l.From]
		}
		paths = append(paths, p)
	}
	return paths
}

// name is "clicks → out", or "event time at out".
func (p Path) name() string {
	if p.From == "" {
		return "event time at " + p.To
	}
	return p.From + " → " + p.To
}

// latencies tells of the paths in one line, as far as there is room.
func (f *frame) latencies() string {
	line := "latency p50/p99:"
	for i, p := range pathsOf(f.job) {
		next := fmt.Sprintf(" %s %s/%s", printable(p.name()), short(p.P50), short(p.P99))
		if i > 0 {
			next = " ·" + next
			if cells.StringWidth(line+next) > f.width {
				break
			}
		}
		line += next
	}
	return cut(line, f.width)
}

// year is long enough to be told in years: a replay of the past.
const year = 365 * 24 * time.Hour

// short writes milliseconds in at most seven characters: 85µs, 1.2ms, 850ms, 4.1s,
// 18.2y.
func short(ms float64) string {
	switch d := time.Duration(ms * float64(time.Millisecond)); {
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 9950*time.Microsecond:
		return fmt.Sprintf("%.1fms", ms)
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d >= year:
		return fmt.Sprintf("%.1fy", float64(d)/float64(year))
	default:
		return duration(max(d, time.Second))
	}
}
