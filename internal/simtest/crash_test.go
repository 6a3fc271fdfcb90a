package simtest

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCrashSeeds(t *testing.T) {
	if *oneSeed >= 0 {
		res, err := SimulateCrashes(uint64(*oneSeed))
		t.Logf("%+v", res)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var next atomic.Uint64
	next.Store(*fromSeed)
	n := count(t)
	last := *fromSeed + uint64(n)
	var mu sync.Mutex
	var sum CrashResult
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < last; seed = next.Add(1) - 1 {
				res, err := SimulateCrashes(seed)
				if err != nil {
					t.Errorf("seed %d: %s\n%v", seed, res.Shape, err)
				}
				mu.Lock()
				sum.Crashes += res.Crashes
				sum.Recovered += res.Recovered
				sum.Rescaled += res.Rescaled
				sum.Complete += res.Complete
				sum.Aborted += res.Aborted
				sum.Unaligned += res.Unaligned
				sum.Referred += res.Referred
				sum.Records += res.Records
				sum.Delivered += res.Delivered
				sum.Steps += res.Steps
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if !t.Failed() {
		t.Logf("sim: %d seeds, lost 0, doubled 0", n)
	}
	t.Logf("%d crashes, %d recovered from a checkpoint, %d rescaled, %d files of earlier ones; %d checkpoints complete, %d with records in flight, %d aborted; %d steps, %d records read, %d delivered",
		sum.Crashes, sum.Recovered, sum.Rescaled, sum.Referred, sum.Complete, sum.Unaligned, sum.Aborted, sum.Steps, sum.Records, sum.Delivered)
	if n >= 30 && (sum.Recovered < n/4 || sum.Unaligned < n/10 || sum.Aborted < n/10 || n >= 100 && sum.Referred == 0 || sum.Delivered < 30*n) {
		t.Error("the simulation tests next to nothing")
	}
}
