package afflux

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
)

// Latency is how long records took on one path of late. A Snapshot has one for
// each path from a source to a sink, and for each sink by event time.
type Latency = metric.Latency

// DefaultLatencyEvery is how often each subtask of a source sends a marker.
const DefaultLatencyEvery = job.DefaultLatencyEvery

// LatencyEvery sets how often each subtask of a source that reads records sends
// a marker behind them, whose age is measured at a sink. The default is 1 s; the
// least is 1 ms. With 0 no latency is measured, by event time neither.
func LatencyEvery(d time.Duration) JobOption {
	return jobOption(func(j *Job) {
		switch {
		case d == 0:
			j.cfg.LatencyEvery = -1
		case d < time.Millisecond:
			j.fail(fmt.Errorf("LatencyEvery(%s): it must be at least 1ms, or 0 to measure nothing", d))
		default:
			j.cfg.LatencyEvery = d
		}
	})
}
