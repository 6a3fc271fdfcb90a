package metric

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestLatencyQuantiles compares with the sorted measurements: two digits must be
// right, or a microsecond.
func TestLatencyQuantiles(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		most := int64(1) << r.IntN(58)
		all := make([]time.Duration, 1+r.IntN(5000))
		h := new(LatencyHistogram)
		for i := range all {
			all[i] = time.Duration(r.Int64N(most + 1))
			h.Record(int64(i)*int64(40*time.Second)/int64(len(all)), all[i])
		}
		slices.Sort(all)
		var l Latency
		h.Read(int64(45*time.Second), &l)
		if l.Count != int64(len(all)) || l.Max != all[len(all)-1] {
			t.Errorf("seed %d: count %d, max %d; want %d, %d", seed, l.Count, l.Max, len(all), all[len(all)-1])
		}
		for _, q := range []struct {
			perMille int
			got      time.Duration
		}{{500, l.P50}, {990, l.P99}, {999, l.P999}} {
			want := all[(len(all)*q.perMille+999)/1000-1]
			if off := max(q.got-want, want-q.got); off > max(want/100, time.Microsecond) {
				t.Errorf("seed %d: %d ‰ of %d is %v, want %v", seed, q.perMille, len(all), q.got, want)
			}
		}
	}
}

func TestLatencyBuckets(t *testing.T) {
	last := -1
	for v := int64(0); v < 1<<62/latencyUnit; v += 1 + v/1000 {
		b := latencyBucket(time.Duration(v * latencyUnit))
		if b != last && b != last+1 && v < 1<<latencyBits {
			t.Fatalf("%d µs is in bucket %d, after %d", v, b, last)
		}
		if last = b; b >= latencyBuckets {
			t.Fatalf("%d µs is in bucket %d of %d", v, b, latencyBuckets)
		}
	}
	if last != latencyBuckets-1 {
		t.Errorf("the last bucket is %d of %d", last, latencyBuckets)
	}
}

// TestLatencyForgets reads only what is at most a minute old.
func TestLatencyForgets(t *testing.T) {
	h := new(LatencyHistogram)
	second := int64(time.Second)
	var l Latency
	if h.Read(0, &l); l != (Latency{}) {
		t.Errorf("an empty one reads %+v", l)
	}
	for s := range int64(600) {
		h.Record(s*second, time.Duration(s)*time.Millisecond)
	}
	h.Read(599*second, &l)
	if l.Count != 60 || l.P50 < 560*time.Millisecond || l.P50 > 580*time.Millisecond || l.Max != 599*time.Millisecond {
		t.Errorf("%+v", l)
	}
	if h.Read(640*second, &l); l.Count != 10 || l.P50 < 590*time.Millisecond {
		t.Errorf("41 s later: %+v", l)
	}
	if h.Read(700*second, &l); l != (Latency{}) {
		t.Errorf("101 s later: %+v", l)
	}
	h.Record(10_000*second, -5) // a clock that differs
	if h.Read(10_000*second, &l); l.Count != 1 || l.P50 != 0 || l.Max != 0 {
		t.Errorf("a negative one: %+v", l)
	}
}

// TestLatencyOfManySubtasks loses nothing where windows begin.
func TestLatencyOfManySubtasks(t *testing.T) {
	h := new(LatencyHistogram)
	const subtasks, each = 8, 20_000
	var wg sync.WaitGroup
	for range subtasks {
		wg.Go(func() {
			for i := range int64(each) {
				h.Record(i*int64(50*time.Second)/each, time.Duration(i))
			}
		})
	}
	wg.Wait()
	var l Latency
	if h.Read(int64(50*time.Second)-1, &l); l.Count != subtasks*each || l.Max != each-1 {
		t.Errorf("%+v", l)
	}
}

func TestLatencyDoesNotAllocate(t *testing.T) {
	h, now := new(LatencyHistogram), int64(0)
	h.Record(0, 0)
	if n := testing.AllocsPerRun(1000, func() { now += int64(time.Second); h.Record(now, time.Duration(now)) }); n != 0 {
		t.Errorf("%v allocations for each", n)
	}
}

func TestLatencyPathsAreBounded(t *testing.T) {
	p := new(LatencyPaths)
	for i := range MaxLatencies + 10 {
		p.Add(i, 1, MarkerLatency)
	}
	if p.Histogram(MaxLatencies-1, 1, MarkerLatency) == nil || p.Histogram(MaxLatencies, 1, MarkerLatency) != nil || p.Histogram(0, 1, EventTimeLatency) != nil {
		t.Error("other paths are kept")
	}
	p.Histogram(MaxLatencies, 1, MarkerLatency).Record(0, 0) // counts nothing
	p.Histogram(3, 1, MarkerLatency).Record(0, time.Second)
	list := p.Read(0)
	if len(list) != 1 || list[0].From != 3 || list[0].To != 1 || list[0].Kind != MarkerLatency || list[0].Count != 1 {
		t.Errorf("%+v", list)
	}
	if (*LatencyPaths)(nil).Read(0) != nil || (*LatencyPaths)(nil).Histogram(0, 0, MarkerLatency) != nil {
		t.Error("no paths have some")
	}
}

func BenchmarkLatencyRecord(b *testing.B) {
	h := new(LatencyHistogram)
	b.ReportAllocs()
	for i := range int64(b.N) {
		h.Record(i, time.Duration(i))
	}
}
