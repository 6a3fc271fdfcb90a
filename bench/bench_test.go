package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPathsAgree runs every path with few records: Compare fails when the
// engine's checksum is not the loop's.
func TestPathsAgree(t *testing.T) {
	for _, p := range Paths {
		t.Run(p.Name+" against "+p.Against, func(t *testing.T) {
			p.Records = 200_000
			if _, err := Compare(t.Context(), p, 1); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestNothingIsAllocatedPerRecord compares a long run with a short one, so that
// what a job allocates once does not count. The paths with string keys are
// left out: their source allocates the text of each batch, as a decoder does. So
// are sessions, which still allocate when one ends.
func TestNothingIsAllocatedPerRecord(t *testing.T) {
	for _, p := range Paths {
		if p.Name == wordsName || strings.HasPrefix(p.Name, "session") {
			continue
		}
		t.Run(p.Name+" against "+p.Against, func(t *testing.T) {
			p.Records = 2_000_000
			r, err := Compare(t.Context(), p, 2)
			if err != nil {
				t.Fatal(err)
			}
			if r.Allocs > 0.002 {
				t.Errorf("%.4f allocations a record", r.Allocs)
			}
		})
	}
}

func TestLatencyCountsEveryRecord(t *testing.T) {
	l, err := MeasureLatency(t.Context(), 20_000, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if l.Records != 4000 || l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Fatalf("got %+v", l)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h, other histogram
	var all []int64
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		v := rnd.Int64N(1 << (1 + rnd.IntN(40)))
		all = append(all, v)
		if i%2 == 0 {
			h.add(v)
		} else {
			other.add(v)
		}
	}
	h.merge(&other)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.99, 0.999} {
		want, got := all[int(q*float64(len(all)))], int64(h.quantile(q))
		if got > want || float64(got) < float64(want)*0.96 {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if h.max != all[len(all)-1] {
		t.Errorf("the largest is %d, want %d", h.max, all[len(all)-1])
	}
}

// TestCheckpointsAgree: jobs with checkpoints give the same, and take some.
func TestCheckpointsAgree(t *testing.T) {
	for _, h := range CountedJobs {
		var seen Checkpointed
		h.Records = 500_000
		if _, err := Compare(t.Context(), h.Path(t.TempDir(), time.Millisecond, &seen), 1); err != nil {
			t.Fatal(err)
		}
		if seen.Taken == 0 || seen.Failed > 2 || // one of each run may be under way at its end
			seen.Bytes == 0 || seen.Sync <= 0 {
			t.Errorf("%s: got %+v", h.Name, seen)
		}
	}
	small := hot{5_000, 5}
	s, err := Counted{Name: "small", Settled: 100_000, job: small.count}.Slices(t.Context(), t.TempDir(), 20*time.Millisecond, 3)
	if err != nil || s.Pairs != 3 || s.Taken.Taken != 9 || s.Taken.Failed != 0 || s.Taken.Bytes == 0 ||
		s.Mean <= 0 || s.Error <= 0 || s.Rate.Min <= 0 || s.Rate.Min > s.Rate.Max || s.With <= 0 || s.Without <= 0 {
		t.Errorf("slices: got %+v (%v)", s, err)
	}
	without, with, err := MeasureStops(t.Context(), t.TempDir(), 2_000_000, 1, 10*time.Millisecond)
	if err != nil || without.Max <= 0 || with.Max <= 0 || with.Taken.Taken == 0 || without.Taken.Taken > 0 {
		t.Errorf("got %+v and %+v (%v)", without, with, err)
	}
}

func TestGeometricMean(t *testing.T) {
	mean, e := geometric([]float64{0.5, 2, 1})
	if math.Abs(mean-1) > 1e-12 || math.Abs(e-math.Ln2/math.Sqrt(3)) > 1e-12 {
		t.Errorf("got %v, %v", mean, e)
	}
	if mean, e = geometric([]float64{0.25}); math.Abs(mean-0.25) > 1e-12 || e != 0 {
		t.Errorf("of one: got %v, %v", mean, e)
	}
}

func TestRecover(t *testing.T) {
	for _, disk := range []bool{false, true} {
		r := Recovery{Dir: t.TempDir(), Disk: disk, Keys: 20_000}
		kept, err := r.Fill(t.Context())
		if err != nil || kept.Taken != 1 || kept.Bytes == 0 {
			t.Fatalf("got %+v (%v)", kept, err)
		}
		called := 0
		took, err := r.Recover(t.Context(), func() { called++ })
		if err != nil || called != 1 || took <= 0 {
			t.Errorf("got %v, called %d times (%v)", took, called, err)
		}
	}
	if _, err := (Recovery{Dir: t.TempDir(), Keys: 100}).Recover(t.Context(), func() {}); err == nil {
		t.Error("a job went on from nothing")
	}
}
