//go:build !linux

package bench

import "runtime/metrics"

// residentMemory is what Go has in memory, where the process cannot be asked.
func residentMemory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
