package metric

import "sync/atomic"

// ProfileLabel is the pprof label with the name of the operator at work.
const ProfileLabel = "operator"

// profiling counts those who take a profile; the whole process has one profiler.
var profiling atomic.Int32

// BeginProfiling has tasks label their goroutines with the operator at work at
// each hand-over in a chain, until end is called. It is to be called before a
// CPU profile is started, or operators that are fused look like one.
func BeginProfiling() (end func()) {
	profiling.Add(1)
	var ended atomic.Bool
	return func() {
		if ended.CompareAndSwap(false, true) {
			profiling.Add(-1)
		}
	}
}

// Profiling tells whether tasks are to do so now.
func Profiling() bool { return profiling.Load() > 0 }
