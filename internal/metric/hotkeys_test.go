package metric_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// keyed fills a batch with keys.
func keyed(r *event.Records[int], n int, key func() int) {
	r.Reset()
	for range n {
		r.Append(key(), 0)
	}
	hashes := r.KeyHashes()
	for i, k := range r.Values {
		hashes[i] = event.HashUint64(uint64(k))
	}
}

func keyText(b event.Batch, i int) string {
	return fmt.Sprint("key ", b.(*event.Records[int]).Values[i])
}

// Shares are within what is said of their error, whatever the batches.
func TestHotKeysOfASample(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 2000
	}
	for _, size := range []int{1, 700, 5000} {
		random := rand.New(rand.NewPCG(1, uint64(size)))
		draw := func() int { // 40 % key 7, 10 % key 8, the others are many
			switch r := random.IntN(10); {
			case r < 4:
				return 7
			case r < 5:
				return 8
			}
			return 100 + random.IntN(100_000)
		}
		sketches := []*metric.KeySketch{metric.NewKeySketch(keyText), nil, metric.NewKeySketch(keyText)}
		batch := event.NewRecords[int](size)
		for range rounds / (1 + size/1024) { // one record of each 1 024 is looked at
			for _, s := range sketches {
				if s != nil {
					keyed(batch, size, draw)
				}
				s.Observe(batch)
			}
		}
		hot := metric.HotKeys(sketches)
		if len(hot) != 2 || hot[0].Key != "key 7" || hot[1].Key != "key 8" {
			t.Fatalf("batches of %d: %+v", size, hot)
		}
		for i, want := range []float64{0.4, 0.1} {
			// The error includes two standard deviations of the sample.
			if h := hot[i]; math.Abs(h.Share-want) > 1.5*h.Error || h.Error > 0.06 {
				t.Errorf("batches of %d: %+v, want %v", size, h, want)
			}
		}
	}
}

func TestNoKeyIsHot(t *testing.T) {
	s, batch, next := metric.NewKeySketch(keyText), event.NewRecords[int](1000), 0
	for range 2000 {
		keyed(batch, 1000, func() int { next++; return next })
		s.Observe(batch)
	}
	if hot := metric.HotKeys([]*metric.KeySketch{s}); len(hot) != 0 {
		t.Errorf("all keys differ, but %+v", hot)
	}
	if hot := metric.HotKeys(nil); len(hot) != 0 {
		t.Errorf("no sketch, but %+v", hot)
	}
}

// Keys that come in turn are not taken for hot ones, even if the turn has the
// length of a sample.
func TestKeysInTurn(t *testing.T) {
	s, batch, next := metric.NewKeySketch(keyText), event.NewRecords[int](1024), 0
	for range 2000 {
		keyed(batch, 1024, func() int { next++; return next % 1024 })
		s.Observe(batch)
	}
	if hot := metric.HotKeys([]*metric.KeySketch{s}); len(hot) != 0 {
		t.Errorf("keys are even, but %+v", hot)
	}
}

func TestSkewThatBeginsLateShows(t *testing.T) {
	s, batch, next := metric.NewKeySketch(keyText), event.NewRecords[int](100), 0
	observe := func(n int, key func() int) {
		for range n {
			keyed(batch, 100, key)
			s.Observe(batch)
		}
	}
	observe(100_000, func() int { next++; return next })
	observe(50_000, func() int { return -1 })
	hot := metric.HotKeys([]*metric.KeySketch{s})
	if len(hot) != 1 || hot[0].Key != "key -1" || hot[0].Share < 0.9 {
		t.Errorf("%+v", hot)
	}
}

func TestKeyTextIsCut(t *testing.T) {
	s := metric.NewKeySketch(func(event.Batch, int) string { return "x" + strings.Repeat("é", 100) })
	batch := event.NewRecords[int](1)
	keyed(batch, 1, func() int { return 1 })
	s.Observe(batch)
	hot := metric.HotKeys([]*metric.KeySketch{s})
	if want := "x" + strings.Repeat("é", 31); len(hot) != 1 || hot[0].Key != want || hot[0].Share != 1 {
		t.Errorf("%+v", hot)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	s, batch, next := metric.NewKeySketch(keyText), event.NewRecords[int](1000), 0
	fresh := func() int { next++; return next }
	for range 1000 {
		keyed(batch, 1000, fresh)
		s.Observe(batch)
	}
	if n := testing.AllocsPerRun(100, func() { keyed(batch, 1000, fresh); s.Observe(batch) }); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

// Every record differs: the worst case.
func BenchmarkObserve(b *testing.B) {
	s, next := metric.NewKeySketch(keyText), 0
	var batches []*event.Records[int]
	for range 64 {
		batch := event.NewRecords[int](700)
		keyed(batch, 700, func() int { next++; return next })
		batches = append(batches, batch)
	}
	b.ResetTimer()
	for i := range b.N {
		s.Observe(batches[i&63])
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/700, "ns/record")
}
