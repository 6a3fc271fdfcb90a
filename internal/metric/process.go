package metric

import "time"

// Process is what a process uses, all of its jobs together. Times only grow.
type Process struct {
	// Processors is how many can be used at a time.
	Processors int `json:"processors"`
	// CPU is the processor time used, and GC the part of it that collecting
	// garbage took, assists by others included.
	CPU time.Duration `json:"cpu_ns"`
	GC  time.Duration `json:"gc_ns"`
	// HeapBytes is the memory that objects take, LimitBytes what the runtime was
	// told to stay under, 0 without such a limit.
	HeapBytes  int64 `json:"heap_bytes"`
	LimitBytes int64 `json:"limit_bytes,omitempty"`
}
