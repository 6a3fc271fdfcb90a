package metric

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counting returns snapshots of a job whose source emits 10 records/s.
func counting(start time.Time, restarts *atomic.Int64) func() *Job {
	return func() *Job {
		now := time.Now()
		d := now.Sub(start)
		return &Job{Started: start, At: now, Restarts: int(restarts.Load()), Operators: []Operator{{
			Name:     "source",
			Subtasks: []Subtask{{RecordsOut: int64(d / (100 * time.Millisecond)), Wall: d, Busy: d}},
		}}}
	}
}

func TestSampler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var restarts atomic.Int64
		s := NewSampler(counting(time.Now(), &restarts))
		if job, _ := s.Latest(); job != nil {
			t.Fatal("a sample before the first one")
		}
		if job, r := s.Current(); job == nil || r.Operators[0].Out != 0 {
			t.Fatalf("the first rates are not zero: %+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		time.Sleep(2500 * time.Millisecond) // the clock of the bubble
		if n := len(s.Samples()); n != 3 {
			t.Fatalf("%d samples after 2.5 s, want 3", n)
		}
		before, now := s.Pair()
		if got := now.At.Sub(before.At); got != 1500*time.Millisecond {
			t.Errorf("Pair spans %v, want 1.5s", got)
		}
		if _, r := s.Current(); r.Operators[0].Out != 10 || r.Operators[0].Busy != 1 {
			t.Errorf("Current: %+v, want 10 records/s and busy", r.Operators[0])
		}
		if _, r := s.Latest(); r.Interval != time.Second || r.Operators[0].Out != 10 {
			t.Errorf("Latest: %+v", r)
		}
		time.Sleep(2 * MaxSamples * time.Second)
		if n := len(s.Samples()); n != MaxSamples {
			t.Errorf("%d samples kept, want %d", n, MaxSamples)
		}
		restarts.Add(1)
		before, now = s.Pair()
		if before != now {
			t.Error("rates across a restart")
		}
		time.Sleep(SampleInterval)
		if n := len(s.Samples()); n != 1 {
			t.Errorf("%d samples kept over a restart, want 1", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestSamplerWithoutJob(t *testing.T) {
	s := NewSampler(func() *Job { return nil })
	s.Sample()
	before, now := s.Pair()
	if job, _ := s.Current(); job != nil || before != nil || now != nil || len(s.Samples()) != 0 {
		t.Error("snapshots of a job that does not exist")
	}
}

func TestLagGrowth(t *testing.T) {
	at := time.Unix(100, 0)
	snap := func(at time.Time, lags ...float64) *Job {
		s := Subtask{}
		for _, l := range lags {
			s.Gauges = append(s.Gauges, Gauge{Name: "lag", Value: l})
		}
		return &Job{At: at, Operators: []Operator{{Subtasks: []Subtask{s}}}}
	}
	for _, c := range []struct {
		a, b        []float64
		lag, growth float64
	}{
		{nil, nil, -1, 0},
		{[]float64{10, 20}, []float64{110, 40}, 150, 60},
		{[]float64{100}, []float64{40}, 40, -30},
		{nil, []float64{500}, 500, 0}, // the first report is no growth
	} {
		r := Between(snap(at, c.a...), snap(at.Add(2*time.Second), c.b...)).Operators[0]
		if r.Lag != c.lag || r.LagGrowth != c.growth {
			t.Errorf("%v to %v: lag %v growing %v, want %v and %v", c.a, c.b, r.Lag, r.LagGrowth, c.lag, c.growth)
		}
	}
}

// TestTrendOfALagSeenInSteps reads a lag that grows by 70 a second and is told
// of every 1.4 s: within a second it grows by 98 or not at all.
func TestTrendOfALagSeenInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := NewSampler(func() *Job {
			d := time.Since(start)
			told := d.Truncate(1400 * time.Millisecond)
			return &Job{Started: start, At: time.Now(), Operators: []Operator{{Subtasks: []Subtask{{
				Wall: d, Gauges: []Gauge{{Name: "lag", Value: 70 * told.Seconds()}},
			}}}}}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(5100 * time.Millisecond) // the clock of the bubble
		for range 40 {
			time.Sleep(250 * time.Millisecond)
			_, current := s.Current()
			_, latest := s.Latest()
			for name, r := range map[string]Rates{"Current": current, "Latest": latest} {
				if g := r.Operators[0].LagGrowth; g < 45 || g > 105 {
					t.Errorf("after %v: %s says %g a second, the truth is 70", time.Since(start), name, g)
				}
			}
		}
	})
}

// TestRatesOfProcessAndEdges has what is sent on an arrow, and what the process
// uses, per second.
func TestRatesOfProcessAndEdges(t *testing.T) {
	at := time.Now()
	snap := func(seconds int64, process Process, sent ...int64) *Job {
		j := &Job{At: at.Add(time.Duration(seconds) * time.Second), Process: process,
			Operators: []Operator{{ID: 0, Subtasks: make([]Subtask, 1)}, {ID: 1, Subtasks: make([]Subtask, 2)}},
			Edges:     []Edge{{From: 0, To: 1}}}
		for i, n := range sent {
			j.Edges[0].Channels = append(j.Edges[0].Channels, Channel{ToSubtask: i, Sent: n})
		}
		return j
	}
	a := snap(0, Process{CPU: time.Second, GC: time.Second}, 100, 1000)
	r := Between(a, snap(2, Process{CPU: 4 * time.Second, GC: 1300 * time.Millisecond}, 300, 1600))
	if r.Edges[0].Bytes != 400 || r.CPU != 1.5 || r.GC < 0.099 || r.GC > 0.101 {
		t.Errorf("%+v, want 400 bytes/s, 1.5 processors, a tenth for the collector", r)
	}
	// The collector tells what it used when it is done, which may be more than
	// was used since the last sample; nothing may be known at all.
	if r := Between(a, snap(1, Process{CPU: 1100 * time.Millisecond, GC: 2 * time.Second})); r.GC != 1 || r.Edges[0].Bytes != 0 {
		t.Errorf("%+v", r)
	}
	if r := Between(snap(0, Process{}), snap(1, Process{})); r.CPU != 0 || r.GC != 0 {
		t.Errorf("%+v", r)
	}
}

// TestChanged is closed by each sample that is kept.
func TestChanged(t *testing.T) {
	job := &Job{}
	s := NewSampler(func() *Job { return job })
	for range 3 {
		changed := s.Changed()
		select {
		case <-changed:
			t.Fatal("changed without a sample")
		default:
		}
		s.Sample()
		<-changed
	}
	changed := s.Changed()
	job = nil
	s.Sample()
	select {
	case <-changed:
		t.Error("changed without a job")
	default:
	}
}
