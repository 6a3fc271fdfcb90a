package afflux_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/event"
)

// ticking is a source of some records, one each interval, or as many as are asked
// for if that is 0. Their event times are old.
type ticking struct {
	every, old time.Duration
	left       int
	wait       bool
}

func (s *ticking) Describe() connector.Description {
	return connector.Description{Kind: "ticking", Bounded: true, MaxParallelism: 1}
}

func (s *ticking) Open(context.Context, connector.Subtask) (connector.Reader[int], error) {
	return s, nil
}

func (s *ticking) Close() error { return nil }

func (s *ticking) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	if s.left == 0 {
		return connector.Status{State: connector.Done}, nil
	}
	if s.wait = !s.wait && s.every > 0; s.wait {
		return connector.Status{State: connector.Idle, After: s.every}, nil
	}
	n := 1
	if s.every == 0 {
		n = min(limit.Records, s.left)
	}
	for range n {
		dst.Append(s.left, event.At(time.Now().Add(-s.old)))
		s.left--
	}
	return connector.Status{}, nil
}

// take is a function that takes a time.
func take(d time.Duration) func(*int) int {
	return func(v *int) int { <-time.After(d); return *v }
}

// measured runs a job in virtual time, and tells its latencies by the names of
// source and sink; by event time the first is empty.
func measured(t *testing.T, j *afflux.Job) map[[2]string]afflux.Latency {
	t.Helper()
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	s, by := r.Snapshot(), map[[2]string]afflux.Latency{}
	names := map[int]string{-1: ""}
	for _, o := range s.Operators {
		names[o.ID] = o.Name
	}
	for _, l := range s.Latencies {
		if (l.Kind == "event_time") != (l.From == -1) {
			t.Errorf("%+v", l)
		}
		by[[2]string{names[l.From], names[l.To]}] = l
	}
	return by
}

func between(t *testing.T, l afflux.Latency, what string, low, high time.Duration) {
	t.Helper()
	if l.Count == 0 || l.P50 < low || l.P50 > high || l.P99 < l.P50 || l.P999 < l.P99 || l.Max < l.P999 {
		t.Errorf("%s: %d measured, p50 %v, p99 %v, p99.9 %v, max %v; want a p50 from %v to %v", what, l.Count, l.P50, l.P99, l.P999, l.Max, low, high)
	}
}

// A function that takes 20 ms shows on the paths that lead through it, whether it
// is fused with its neighbours or not.
func TestLatencyOfPaths(t *testing.T) {
	for name, options := range map[string][]afflux.JobOption{"fused": nil, "apart": {afflux.NoChaining()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := afflux.NewJob("paths", append(options, afflux.Parallelism(1), afflux.LatencyEvery(50*time.Millisecond))...)
				a := afflux.From(j, "a", &ticking{every: 50 * time.Millisecond, left: 300, old: 5 * time.Second})
				b := afflux.From(j, "b", &ticking{every: 70 * time.Millisecond, left: 200})
				a.To("quick", blackhole.Sink[int]())
				a.Map("slow", take(20*time.Millisecond)).To("late", blackhole.Sink[int]())
				b.To("other", blackhole.Sink[int]())
				l := measured(t, j)
				ms := time.Millisecond
				between(t, l[[2]string{"a", "quick"}], "a to quick", 0, ms)
				between(t, l[[2]string{"a", "late"}], "a to late", 20*ms, 21*ms)
				between(t, l[[2]string{"b", "other"}], "b to other", 0, ms)
				between(t, l[[2]string{"", "quick"}], "event time at quick", 4990*ms, 5010*ms)
				between(t, l[[2]string{"", "late"}], "event time at late", 5010*ms, 5040*ms)
				between(t, l[[2]string{"", "other"}], "event time at other", 0, ms)
				if len(l) != 6 {
					t.Errorf("%d paths: %+v", len(l), l)
				}
				if n := l[[2]string{"a", "quick"}].Count + l[[2]string{"a", "late"}].Count; n < 250 || n > 300 {
					t.Errorf("%d markers of 300 records", n)
				}
			})
		})
	}
}

// A marker waits behind the records of a channel that is pressed.
func TestLatencyOfQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := afflux.NewJob("pressed", afflux.Parallelism(1), afflux.NoChaining(), afflux.Buffers(2, 1024), afflux.WindowTarget(-1),
			afflux.LatencyEvery(10*time.Millisecond))
		afflux.From(j, "in", &ticking{left: 5000}).
			Map("slow", take(time.Millisecond)).
			To("out", blackhole.Sink[int]())
		// Two batches of 64 records wait, at 1 ms each, and one is being filled.
		between(t, measured(t, j)[[2]string{"in", "out"}], "in to out", 128*time.Millisecond, 3*time.Second)
	})
}

// What has no event times of a clock has no age.
func TestLatencyWithoutClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := afflux.NewJob("untimed", afflux.Parallelism(1))
		afflux.From(j, "in", &ticking{left: 100, old: time.Duration(time.Now().UnixNano())}).To("out", blackhole.Sink[int]())
		l := measured(t, j)
		if len(l) != 1 || l[[2]string{"in", "out"}].Count == 0 {
			t.Errorf("%+v", l)
		}
	})
}

// Nothing is measured where that is switched off, or before the start.
func TestLatencyOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := afflux.NewJob("off", afflux.LatencyEvery(0))
		afflux.From(j, "in", &ticking{left: 100}).To("out", blackhole.Sink[int]())
		if l := measured(t, j); len(l) != 0 {
			t.Errorf("%+v", l)
		}
	})
	j := afflux.NewJob("often", afflux.LatencyEvery(time.Microsecond))
	afflux.From(j, "in", &ticking{left: 1}).To("out", blackhole.Sink[int]())
	if err := j.Run(t.Context()); err == nil {
		t.Error("a marker each microsecond")
	}
}
