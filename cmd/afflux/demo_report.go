package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/terminal"
)

// report is the end of the demo. Its JSON form is what --json prints.
type report struct {
	Produced     int64       `json:"produced"`
	Delivered    int64       `json:"delivered"`
	Lost         int64       `json:"lost"`
	Duplicated   int64       `json:"duplicated"`
	DeadLettered int64       `json:"dead_lettered"`
	Counted      int64       `json:"counted_in_windows"`
	PeakInFlight int64       `json:"peak_in_flight_bytes"`
	Bound        int64       `json:"in_flight_bound_bytes"`
	PeakLag      int64       `json:"peak_lag"`
	Drain        float64     `json:"drain_seconds"`
	Latency      latencies   `json:"latency_ms"`
	Restarts     int         `json:"restarts"`
	Bottleneck   *bottleneck `json:"bottleneck"`
	PeakResident int64       `json:"peak_resident_bytes"`
}

type latencies struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

type bottleneck struct {
	Operator string  `json:"operator"`
	Cause    string  `json:"cause"`
	Words    string  `json:"words"`
	Evidence string  `json:"evidence"`
	Remedy   string  `json:"remedy"`
	Seconds  float64 `json:"seconds"`
}

func (v *verdict) fill(r *report) {
	r.Produced, r.Delivered, r.Lost, r.Duplicated, r.DeadLettered, r.Counted = v.produced, v.delivered, v.lost, v.duplicated, v.dead, v.counted
	ms := func(q float64) float64 { return float64(v.latency.ValueAtQuantile(q)) / 1000 }
	r.Latency = latencies{P50: ms(50), P99: ms(99), P999: ms(99.9)}
}

// err says what went wrong, if anything did.
func (r *report) err() error {
	switch {
	case r.Lost != 0:
		return fmt.Errorf("%d of %d clicks were lost", r.Lost, r.Produced)
	case r.Duplicated != 0:
		return fmt.Errorf("%d clicks were delivered twice", r.Duplicated)
	case r.Counted != r.Delivered:
		return fmt.Errorf("the windows count %d clicks, %d were delivered", r.Counted, r.Delivered)
	case r.PeakInFlight > r.Bound:
		return fmt.Errorf("%d bytes were in flight, the bound is %d", r.PeakInFlight, r.Bound)
	}
	return nil
}

func (r *report) writeJSON(w io.Writer) error {
	if err := json.MarshalWrite(w, r, jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// reportWidth is the width of the report in cells.
const reportWidth = 79

// table is the report for people.
func (r *report) table() string {
	var b strings.Builder
	line := func(name, value, note string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-21s %11s  %s", name, value, note), " ") + "\n")
	}
	count := func(name string, n int64, note string) { line(name, metric.FormatWhole(n), note) }
	b.WriteString("\nread back from the topics:\n")
	count("produced", r.Produced, "clicks in the log")
	count("delivered", r.Delivered, "enriched clicks in the sink topic")
	count("lost", r.Lost, "")
	count("duplicated", r.Duplicated, "")
	count("dead-lettered", r.DeadLettered, "")
	count("counted in windows", r.Counted, "hot items, each click once")
	line("latency p50", milliseconds(r.Latency.P50), "click to sink, waiting in the log included")
	line("latency p99", milliseconds(r.Latency.P99), "")
	line("latency p99.9", milliseconds(r.Latency.P999), "")
	b.WriteString("observed while it ran:\n")
	line("peak in flight", metric.FormatBytes(r.PeakInFlight), "of "+metric.FormatBytes(r.Bound)+" bound")
	count("peak lag", r.PeakLag, "clicks waiting in the log")
	line("time to drain", fmt.Sprintf("%.1f s", r.Drain), "after the spike, until the lag was gone")
	line("peak resident memory", metric.FormatBytes(r.PeakResident), "of the process, log and service included")
	count("restarts", int64(r.Restarts), "")
	if r.Bottleneck == nil {
		b.WriteString("bottleneck during the spike: none\n")
		return b.String()
	}
	fmt.Fprintf(&b, "bottleneck during the spike, for %.0f s: %s: %s\n", r.Bottleneck.Seconds, r.Bottleneck.Operator, r.Bottleneck.Words)
	lead := "  "
	for _, text := range []string{r.Bottleneck.Evidence, "→ " + r.Bottleneck.Remedy} {
		for _, l := range terminal.Wrap(text, reportWidth-len(lead)) {
			b.WriteString(lead + l + "\n")
		}
	}
	return b.String()
}

// whole writes a rate without decimals.
func whole(v float64) string { return metric.FormatWhole(int64(math.Round(v))) }

func milliseconds(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%.2f s", ms/1000)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// suspects counts how long each operator was named.
type suspects struct {
	seen map[string]*bottleneck
}

func (s *suspects) add(f diagnosis.Finding, d time.Duration) {
	if s.seen == nil {
		s.seen = map[string]*bottleneck{}
	}
	key := f.Operator + "\x00" + string(f.Cause)
	b := s.seen[key]
	if b == nil {
		b = &bottleneck{Operator: f.Operator, Cause: string(f.Cause), Words: f.Cause.Words()}
		s.seen[key] = b
	}
	b.Evidence, b.Remedy = f.Evidence, f.Remedy
	b.Seconds += d.Seconds()
}

// worst is the one that was named for the longest time.
func (s *suspects) worst() (worst *bottleneck) {
	for _, b := range s.seen {
		if worst == nil || b.Seconds > worst.Seconds || b.Seconds == worst.Seconds && b.Operator < worst.Operator {
			worst = b
		}
	}
	return worst
}
