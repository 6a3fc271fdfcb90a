package simtest

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	oneSeed  = flag.Int64("seed", -1, "simulate this seed only")
	seeds    = flag.Int("seeds", 0, "how many seeds to simulate; default 300 (30 under the race detector), or AFFLUX_SEEDS")
	fromSeed = flag.Uint64("from", 1, "the first seed")
)

// fewer is a tenth of n under the race detector.
func fewer(n uint64) int {
	if raced {
		n /= 10
	}
	return int(n)
}

// count is how many seeds TestSeeds simulates.
func count(t *testing.T) int {
	n := *seeds
	if n == 0 {
		n = fewer(300)
		if s := os.Getenv("AFFLUX_SEEDS"); s != "" {
			var err error
			if n, err = strconv.Atoi(s); err != nil {
				t.Fatalf("AFFLUX_SEEDS=%q is not a number", s)
			}
		}
	}
	return n
}

func TestSeeds(t *testing.T) {
	if *oneSeed >= 0 {
		res, err := Simulate(uint64(*oneSeed), false)
		t.Logf("%+v", res)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var endings [4]atomic.Int64
	var steps, records, delivered, markers, spans atomic.Int64
	var next atomic.Uint64
	next.Store(*fromSeed)
	n := count(t)
	last := *fromSeed + uint64(n)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < last; seed = next.Add(1) - 1 {
				res, err := Simulate(seed, false)
				if err != nil {
					t.Errorf("seed %d, %s: %s\n%v", seed, res.Ending, res.Shape, err)
				}
				endings[res.Ending].Add(1)
				steps.Add(int64(res.Steps))
				records.Add(int64(res.Records))
				delivered.Add(int64(res.Delivered))
				markers.Add(int64(res.Markers))
				spans.Add(int64(res.Spans))
			}
		})
	}
	wg.Wait()
	t.Logf("%d complete, %d drained, %d cancelled, %d failing; %d steps, %d records read, %d delivered, %d markers, %d spans",
		endings[Complete].Load(), endings[Drained].Load(), endings[Cancelled].Load(), endings[Failing].Load(), steps.Load(), records.Load(), delivered.Load(), markers.Load(), spans.Load())
	// A few seeds may deliver next to nothing; many of them may not.
	if n >= 30 && (markers.Load() < int64(n) || spans.Load() < int64(n)) {
		t.Errorf("%d markers arrived, and %d spans were traced", markers.Load(), spans.Load())
	}
	if n >= 30 && delivered.Load() < int64(30*n) {
		t.Errorf("the sinks got %d records in all: the simulation tests nothing", delivered.Load())
	}
}

// TestCalmRunIsTheSame compares with the run in which nothing stalls.
func TestCalmRunIsTheSame(t *testing.T) {
	for seed := range uint64(fewer(60)) {
		calm, err := Simulate(seed, true)
		if err != nil {
			t.Fatalf("seed %d, calm: %s\n%v", seed, calm.Shape, err)
		}
		wild, err := Simulate(seed, false)
		if err != nil {
			t.Fatalf("seed %d: %s\n%v", seed, wild.Shape, err)
		}
		if wild.Ending == Complete && (wild.Records != calm.Records || wild.Delivered != calm.Delivered) {
			t.Fatalf("seed %d: %d of %d records, without disturbance %d of %d", seed, wild.Delivered, wild.Records, calm.Delivered, calm.Records)
		}
	}
}

func TestOneSeedIsOneSchedule(t *testing.T) {
	different := map[uint64]bool{}
	for seed := range uint64(fewer(40)) {
		first, err := Simulate(seed, false)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		again, _ := Simulate(seed, false)
		if first != again {
			t.Fatalf("seed %d gave two runs:\n%+v\n%+v", seed, first, again)
		}
		different[first.Trace] = true
	}
	if len(different) < fewer(40) {
		t.Fatalf("%d seeds gave %d schedules", fewer(40), len(different))
	}
}
