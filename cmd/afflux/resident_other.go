//go:build !linux

package main

import "runtime"

// residentBytes is the memory that the runtime has from the system: an upper
// bound of what is in RAM.
func residentBytes() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
