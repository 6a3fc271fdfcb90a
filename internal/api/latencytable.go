package api

import (
	"time"

	"github.com/affluxdev/afflux/internal/metric"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	latencyName  = "afflux_job_latency"
	latencyHelp  = "how long markers took from a source to a sink, of about the last minute"
	eventAgeName = "afflux_job_eventTimeLatency"
	eventAgeHelp = "how old records were at a sink by their event time, of about the last minute"
)

// latencyQuantiles are the values of the label quantile; the largest one is 1.
var latencyQuantiles = []struct {
	label string
	of    func(*metric.Latency) time.Duration
}{
	{"0.5", func(l *metric.Latency) time.Duration { return l.P50 }},
	{"0.99", func(l *metric.Latency) time.Duration { return l.P99 }},
	{"0.999", func(l *metric.Latency) time.Duration { return l.P999 }},
	{"1", func(l *metric.Latency) time.Duration { return l.Max }},
}

// latencies sends those of each path.
func (s *scrape) latencies() {
	names := map[int]string{}
	for i := range s.now.Operators {
		names[s.now.Operators[i].ID] = s.now.Operators[i].Name
	}
	marker := prometheus.NewDesc(latencyName, latencyHelp, []string{"job", "from", "to", "quantile"}, nil)
	age := prometheus.NewDesc(eventAgeName, eventAgeHelp, []string{"job", "to", "quantile"}, nil)
	for i := range s.now.Latencies {
		l := &s.now.Latencies[i]
		for _, q := range latencyQuantiles {
			v, _ := ms(q.of(l))
			if l.Kind == metric.EventTimeLatency {
				s.send(age, false, v, s.now.Name, names[l.To], q.label)
			} else {
				s.send(marker, false, v, s.now.Name, names[l.From], names[l.To], q.label)
			}
		}
	}
}

func latencyRows(row func(name, kind, unit, meaning, peer string)) {
	row(latencyName, "gauge", "ms", latencyHelp+"; labels `from`, `to` (operators) and `quantile`: 0.5, 0.99, 0.999, and 1 for the longest", "Flink latency")
	row(eventAgeName, "gauge", "ms", eventAgeHelp+"; labels `to` and `quantile`; see [latency.md](latency.md)", "")
}
