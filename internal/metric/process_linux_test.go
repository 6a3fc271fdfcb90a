package metric

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestProcessWaited has more to do than there are processors.
func TestProcessWaited(t *testing.T) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		wg.Go(func() {
			// Threads, not goroutines, are what the system has to divide among.
			runtime.LockOSThread()
			for !stop.Load() {
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	was := runtime.GOMAXPROCS(2 * runtime.NumCPU())
	defer runtime.GOMAXPROCS(was)
	before := ReadProcess().Waited
	deadline := time.Now().Add(20 * time.Second)
	for ReadProcess().Waited-before < 50*time.Millisecond {
		if time.Now().After(deadline) {
			t.Fatalf("nobody waited for a processor: %v, then %v", before, ReadProcess().Waited)
		}
		runtime.Gosched()
	}
}
