package metric

import (
	"math"
	"runtime/metrics"
	"time"
)

// Process is what a process uses, all of its jobs together. Times only grow.
type Process struct {
	// Processors is how many can be used at a time.
	Processors int `json:"processors"`
	// CPU is the processor time used, and GC the part of it that collecting
	// garbage took from others, their assists included; what it did on
	// processors that had nothing else to do is not in GC. GC moves at the end of
	// each collection only, and is measured by the clock: where other processes
	// take the processors it is too large, and may be more than CPU.
	CPU time.Duration `json:"cpu_ns"`
	GC  time.Duration `json:"gc_ns"`
	// Waited is how long threads were ready to run and had no processor, because of
	// other processes or of too many of their own; 0 where the system does not
	// tell. Threads that have ended do not count any more.
	Waited time.Duration `json:"cpu_waited_ns,omitempty"`
	// HeapBytes is the memory that objects take, LimitBytes what the runtime was
	// told to stay under, 0 without such a limit.
	HeapBytes  int64 `json:"heap_bytes"`
	LimitBytes int64 `json:"limit_bytes,omitempty"`
}

// ReadProcess reads the numbers of this process, in some microseconds and
// without stopping it. Any goroutine may call it.
func ReadProcess() Process {
	s := [...]metrics.Sample{
		{Name: "/sched/gomaxprocs:threads"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/gomemlimit:bytes"},
	}
	metrics.Read(s[:])
	p := Process{CPU: cpuTime(), Waited: waitedTime(), GC: max(seconds(s[1])-seconds(s[2]), 0)}
	p.Processors = int(whole(s[0]))
	p.HeapBytes = whole(s[3])
	if limit := whole(s[4]); limit < math.MaxInt64 {
		p.LimitBytes = limit
	}
	return p
}

// seconds and whole read a sample, 0 where the runtime does not have it.
func seconds(s metrics.Sample) time.Duration {
	if s.Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return time.Duration(s.Value.Float64() * float64(time.Second))
}

func whole(s metrics.Sample) int64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(min(s.Value.Uint64(), math.MaxInt64))
}
