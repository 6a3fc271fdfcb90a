package simtest

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTimeSeeds(t *testing.T) {
	if *oneSeed >= 0 {
		res, err := SimulateTime(uint64(*oneSeed), false)
		t.Logf("%+v", res)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var steps, records, delivered, checked, aligned, rang atomic.Int64
	var next atomic.Uint64
	next.Store(*fromSeed)
	n := count(t)
	last := *fromSeed + uint64(n)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < last; seed = next.Add(1) - 1 {
				res, err := SimulateTime(seed, false)
				if err != nil {
					t.Errorf("seed %d, %s: %s\n%v", seed, res.Ending, res.Shape, err)
				}
				steps.Add(int64(res.Steps))
				records.Add(int64(res.Records))
				delivered.Add(int64(res.Delivered))
				checked.Add(int64(res.Checked))
				aligned.Add(int64(res.Aligned))
				rang.Add(int64(res.Rang))
			}
		})
	}
	wg.Wait()
	t.Logf("%d steps, %d records read, %d delivered, %d watermarks compared, %d polls held to the drift, %d timers in processing time",
		steps.Load(), records.Load(), delivered.Load(), checked.Load(), aligned.Load(), rang.Load())
	for what, got := range map[string]int64{"records delivered": delivered.Load() / 30, "watermarks compared": checked.Load() / 5, "polls held to a drift": aligned.Load() / 5, "timers in processing time": rang.Load()} {
		if n >= 30 && got < int64(n) {
			t.Errorf("there were few %s: the simulation tests nothing", what)
		}
	}
}

func TestCalmTimeIsTheSame(t *testing.T) {
	for seed := range uint64(fewer(40)) {
		calm, err := SimulateTime(seed, true)
		if err != nil {
			t.Fatalf("seed %d, calm: %s\n%v", seed, calm.Shape, err)
		}
		wild, err := SimulateTime(seed, false)
		if err != nil {
			t.Fatalf("seed %d: %s\n%v", seed, wild.Shape, err)
		}
		if wild.Ending == Complete && (wild.Records != calm.Records || wild.Delivered != calm.Delivered) {
			t.Fatalf("seed %d: %d of %d records, without disturbance %d of %d", seed, wild.Delivered, wild.Records, calm.Delivered, calm.Records)
		}
		if again, _ := SimulateTime(seed, false); again != wild {
			t.Fatalf("seed %d gave two runs:\n%+v\n%+v", seed, wild, again)
		}
	}
}
