package metric

import "time"

// Latency is how long records took on one path of late: about the last minute.
type Latency struct {
	// From and To are the IDs of a source and a sink. From is -1 for event time.
	From int `json:"from"`
	To   int `json:"to"`
	// Kind says what was measured: "marker" from where a source sends to where
	// a sink takes, or "event_time", how old records were at the sink by their
	// own time.
	Kind string `json:"kind"`
	// Count is how many measurements there are.
	Count int64 `json:"count"`
	// The median, 99 % and 99.9 % of them, and the largest.
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// Kinds of Latency.
const (
	MarkerLatency    = "marker"
	EventTimeLatency = "event_time"
)

// MaxLatencies bounds the paths that latencies are kept for.
const MaxLatencies = 256
