//go:build !unix

package metric

import (
	"runtime/metrics"
	"time"
)

// cpuTime is the processor time that Go code has used up to the last collection
// of garbage: the runtime counts it only then.
func cpuTime() time.Duration {
	s := []metrics.Sample{{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(s)
	return seconds(s[0]) - seconds(s[1])
}
