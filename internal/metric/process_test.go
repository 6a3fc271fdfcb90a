package metric

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

var kept [][]*int

// allocate makes garbage that the collector has to look through.
func allocate() {
	kept = kept[:0]
	for range 64 {
		list := make([]*int, 4096)
		for i := range list {
			list[i] = new(int)
		}
		kept = append(kept, list)
	}
}

func TestProcessOfAllocations(t *testing.T) {
	start := time.Now()
	runtime.GC() // none is under way
	before := ReadProcess()
	if before.Processors < 1 || before.CPU <= 0 || before.HeapBytes <= 0 {
		t.Fatalf("read %+v", before)
	}
	var now Process
	for deadline := time.Now().Add(20 * time.Second); ; {
		allocate()
		if now = ReadProcess(); now.GC-before.GC > 20*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no time of the collector is seen: %+v, then %+v", before, now)
		}
	}
	if used := now.CPU - before.CPU; used <= 0 {
		t.Errorf("%v of processor time were used", used)
	}
	if most := time.Since(start) * time.Duration(now.Processors); now.GC-before.GC > most {
		t.Errorf("the collector took %v of %v", now.GC-before.GC, most)
	}
	if now.HeapBytes < 64*4096*8 {
		t.Errorf("the heap has %d bytes, with %d lists kept", now.HeapBytes, len(kept))
	}
	kept = nil
}

func TestProcessLimit(t *testing.T) {
	was := debug.SetMemoryLimit(3 << 30)
	defer debug.SetMemoryLimit(was)
	if p := ReadProcess(); p.LimitBytes != 3<<30 {
		t.Errorf("the limit is %d", p.LimitBytes)
	}
}

func BenchmarkReadProcess(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ReadProcess()
	}
}
