package afflux_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// timedSink works for a time on each batch and keeps its own account of it.
type timedSink struct {
	each   time.Duration
	worked atomic.Int64
}

func (s *timedSink) Describe() connector.Description { return connector.Description{Kind: "timed"} }
func (s *timedSink) Open(context.Context, connector.Subtask) (connector.Writer[int], error) {
	return s, nil
}
func (s *timedSink) Write(b *event.Records[int], from int) (int, error) {
	began := time.Now()
	for time.Since(began) < s.each {
	}
	s.worked.Add(int64(time.Since(began)))
	return len(b.Values) - from, nil
}
func (s *timedSink) Flush(context.Context) error { return nil }
func (s *timedSink) Close() error                { return nil }

func operatorOf(t *testing.T, s *afflux.Snapshot, name string) metric.Subtask {
	t.Helper()
	for _, o := range s.Operators {
		if o.Name == name {
			return o.Subtasks[0]
		}
	}
	t.Fatalf("there is no operator %q", name)
	return metric.Subtask{}
}

// near tells whether two times differ by less than a hundredth of the wall.
func near(a, b, wall time.Duration) bool { return (a - b).Abs() <= wall/100 }

// TestTimeAccountsAddUp compares the accounts of a job with a slow sink with
// what the sink and the test have measured. The parts must add up on any
// machine; against the others there is room for a machine that is busy.
func TestTimeAccountsAddUp(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(1), afflux.Buffers(2, 1<<10))
	sink := &timedSink{each: 2 * time.Millisecond}
	afflux.From(j, "in", numbers{16_000}).
		Map("m", func(v *int) int { return *v }, afflux.Unchained()).
		To("out", sink, afflux.Unchained())
	began := time.Now()
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	middle := time.After(200 * time.Millisecond)
	var halfway *afflux.Snapshot
	select {
	case <-middle:
		halfway = r.Snapshot()
	case <-r.Done():
		t.Fatal("the job was too short to measure")
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	wall := time.Since(began)
	if wall < 300*time.Millisecond {
		t.Fatalf("the job took only %v", wall)
	}
	end := r.Snapshot()
	for _, s := range []*afflux.Snapshot{halfway, end} {
		for _, name := range []string{"in", "m", "out"} {
			o := operatorOf(t, s, name)
			if !near(o.Busy+o.Idle+o.Blocked, o.Wall, o.Wall) || o.Busy < 0 || o.Wall <= 0 {
				t.Errorf("%s: busy %v, idle %v and blocked %v do not add up to %v", name, o.Busy, o.Idle, o.Blocked, o.Wall)
			}
		}
	}
	out := operatorOf(t, end, "out")
	if worked := time.Duration(sink.worked.Load()); out.Busy < worked || !near(out.Busy, worked, 20*wall) {
		t.Errorf("the sink says it worked %v, its account %v", worked, out.Busy)
	}
	if !near(out.Wall, wall, 20*wall) {
		t.Errorf("the account of the sink covers %v of %v", out.Wall, wall)
	}
	for _, name := range []string{"in", "m"} {
		if o := operatorOf(t, end, name); o.Blocked < o.Wall/2 || o.Busy > o.Blocked {
			t.Errorf("%s was blocked for %v and busy for %v of %v behind a slow sink", name, o.Blocked, o.Busy, o.Wall)
		}
	}
}

// TestChainNamesItsSlowOperator has one slow function of three that run fused.
func TestChainNamesItsSlowOperator(t *testing.T) {
	for slow := range 3 {
		names := []string{"first", "second", "third"}
		f := func(i int) func(*int) int {
			return func(v *int) int {
				if i == slow {
					spin(5 * time.Microsecond)
				}
				return *v
			}
		}
		j := afflux.NewJob("t", afflux.Parallelism(1))
		var out collector[int]
		afflux.From(j, "in", numbers{30_000}).Map(names[0], f(0)).Map(names[1], f(1)).Map(names[2], f(2)).To("out", &out)
		r, err := j.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		s := r.Snapshot()
		all := operatorOf(t, s, "in").Busy
		for i, name := range names {
			own := operatorOf(t, s, name).Own
			if i == slow && own < all*8/10 || i != slow && own > all/10 {
				t.Errorf("%q is slow: %q has %v of %v", names[slow], name, own, all)
			}
		}
	}
}
