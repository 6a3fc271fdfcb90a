package afflux_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// endless is a source of numbers without end, which counts what it hands over.
type endless struct{ read atomic.Int64 }

func (s *endless) Describe() connector.Description { return connector.Description{Kind: "endless"} }
func (s *endless) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	return &endlessReader{s: s, next: sub.Index, step: sub.Parallelism}, nil
}

type endlessReader struct {
	s          *endless
	next, step int
}

func (r *endlessReader) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	n := min(limit.Records, 10)
	for range n {
		dst.Append(r.next, event.Time(r.next))
		r.next += r.step
	}
	r.s.read.Add(int64(n))
	return connector.Status{}, nil
}
func (r *endlessReader) Close() error { return nil }

// until waits for a condition, looking each millisecond.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	give := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-give:
			t.Fatalf("%s did not happen within 30 s", what)
		}
	}
}

// TestTinyBatches sends thousands of batches of one or two records through
// every kind of arrow, with real goroutines.
func TestTinyBatches(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const n = 20_000 / part
	j := afflux.NewJob("t", afflux.Parallelism(3), afflux.Buffers(2, 64), afflux.NoChaining())
	var keyed collector[afflux.KV[int, int64]]
	var copies, long collector[int]
	s := afflux.From(j, "a", numbers{n}).Union("both", afflux.From(j, "b", numbers{n}, afflux.Parallelism(1)).Rebalance())
	s.KeyBy("k", func(v *int) int { return *v % 7 }).Aggregate("count", afflux.Count[int](), afflux.AnyOrder()).To("keyed", &keyed)
	s.Broadcast().Filter("some", func(v *int) bool { return *v%50 == 0 }, afflux.Parallelism(2)).To("copies", &copies)
	s.PartitionBy(func(v *int, n int) int { return *v % n }).
		FlatMap("words", func(v *int, emit func(string)) error { emit(strings.Repeat("x", *v%300)); return nil }).
		MapAsync("length", func(_ context.Context, v *string) (int, error) { return len(*v), nil }, afflux.Unordered(), afflux.InFlight(5)).
		To("long", &long)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	most := map[int]int64{}
	for _, r := range keyed.got {
		most[r.Key] = max(most[r.Key], r.Value)
	}
	total := int64(0)
	for _, v := range most {
		total += v
	}
	sum := 0
	for _, v := range long.got {
		sum += v
	}
	want := 0
	for i := range n {
		want += 2 * (i % 300)
	}
	if len(keyed.got) != 2*n || total != 2*n || len(copies.got) != 2*2*n/50 || len(long.got) != 2*n || sum != want {
		t.Fatalf("keyed %d counting %d, copies %d, long %d with sum %d, not %d", len(keyed.got), total, len(copies.got), len(long.got), sum, want)
	}
}

func TestCancelAtAnyMoment(t *testing.T) {
	for i := range 40 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			j := afflux.NewJob("t", afflux.Parallelism(2), afflux.Buffers(2, 256))
			var out collector[window.Result[int, int64]]
			var calls atomic.Int64
			at := rand.Int64N(3000)
			reached := make(chan struct{})
			afflux.From(j, "numbers", new(endless)).
				EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder()).
				MapAsync("call", func(ctx context.Context, v *int) (int, error) {
					if calls.Add(1) == at+1 {
						close(reached)
					}
					if *v%500 == 499 {
						<-ctx.Done() // an answer that never comes
						return 0, ctx.Err()
					}
					return *v, nil
				}, afflux.InFlight(50), afflux.Unordered()).
				KeyBy("k", func(v *int) int { return *v % 7 }).
				Window(window.Tumbling(10)).Aggregate("w", afflux.Count[int]()).
				To("out", &out)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := j.Start(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if at%3 != 0 { // else: before anything has happened
				select {
				case <-reached:
				case <-time.After(20 * time.Millisecond): // held up by the calls without an answer
				}
			}
			if at%2 == 0 {
				cancel()
			} else {
				r.Cancel()
			}
			select {
			case <-r.Done():
			case <-time.After(20 * time.Second):
				t.Fatal("the job did not end")
			}
			if s := r.Snapshot(); s.State != "cancelled" {
				t.Fatalf("the state is %s, error %v", s.State, r.Wait())
			}
		})
	}
}

func TestDrainDeliversWhatWasRead(t *testing.T) {
	for i := range 10 {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		j := afflux.NewJob("t", afflux.Parallelism(3), afflux.Buffers(2, 512))
		var src endless
		var out collector[afflux.KV[int, int64]]
		afflux.From(j, "numbers", &src).
			MapAsync("call", func(_ context.Context, v *int) (int, error) { return *v, nil }, afflux.InFlight(20)).
			KeyBy("k", func(v *int) int { return *v % 13 }).Aggregate("count", afflux.Count[int]()).
			To("out", &out)
		r, err := j.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := int64(i * 500)
		until(t, "reading", func() bool { return src.read.Load() >= at })
		r.Drain()
		if err := r.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := int64(len(out.got)); got != src.read.Load() {
			t.Fatalf("%d records were read and %d delivered", src.read.Load(), got)
		}
	}
}

// pressing is a sink that takes nothing until it is opened up.
type pressing[T any] struct {
	collector[T]
	free  chan struct{}
	wakes sync.WaitGroup
}

func (p *pressing[T]) Open(ctx context.Context, sub connector.Subtask) (connector.Writer[T], error) {
	p.wakes.Go(func() {
		select {
		case <-p.free:
			sub.Wake()
		case <-ctx.Done():
		}
	})
	return p, nil
}

func (p *pressing[T]) Write(b *event.Records[T], from int) (int, error) {
	select {
	case <-p.free:
		return p.collector.Write(b, from)
	default:
		return 0, nil
	}
}

// TestExpansionStaysInsideTheBound holds up one record that becomes a million.
func TestExpansionStaysInsideTheBound(t *testing.T) {
	const n, size = 100_000, 1000
	j := afflux.NewJob("t", afflux.Parallelism(1), afflux.Buffers(2, 8<<10), afflux.MaxRecord(4<<10))
	out := pressing[int]{free: make(chan struct{})}
	var emitted atomic.Int64
	afflux.From(j, "one", numbers{1}).
		FlatMap("expand", func(_ *int, emit func(string)) error {
			for range n {
				emitted.Add(1)
				emit(strings.Repeat("x", size))
			}
			return nil
		}).
		Map("length", func(s *string) int { return len(*s) }, afflux.Unchained()).
		To("out", &out)
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	until(t, "pressure at the flat map", func() bool { return blocked(r.Snapshot(), "expand") > 50*time.Millisecond })
	s := r.Snapshot()
	// One record more is in the hands of the function.
	if held := emitted.Load() * size; held > s.BoundBytes+size || s.InFlightBytes > s.BoundBytes {
		t.Errorf("%d bytes were emitted and %d are said to be in flight, of at most %d", held, s.InFlightBytes, s.BoundBytes)
	}
	close(out.free)
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	out.wakes.Wait()
	if len(out.got) != n {
		t.Errorf("%d records arrived", len(out.got))
	}
	if s := r.Snapshot(); s.PeakInFlightBytes > s.BoundBytes {
		t.Errorf("the peak was %d bytes of at most %d", s.PeakInFlightBytes, s.BoundBytes)
	}
}

// blocked is how long the task of an operator has waited for credit.
func blocked(s *afflux.Snapshot, name string) (d time.Duration) {
	for _, o := range s.Operators {
		if o.Name == name {
			for _, sub := range o.Subtasks {
				d += sub.Blocked
			}
		}
	}
	return d
}

func TestRecordLargerThanTheLimit(t *testing.T) {
	for _, p := range []int{1, 3} {
		j := afflux.NewJob("t", afflux.Parallelism(p), afflux.Buffers(2, 1<<10), afflux.MaxRecord(2000))
		var out collector[string]
		afflux.From(j, "numbers", numbers{100}).
			Map("grow", func(v *int) string { return strings.Repeat("x", *v*100) }).
			Rebalance().To("out", &out, afflux.Unchained())
		err := run(t, j)
		if err == nil || !strings.Contains(err.Error(), `operator "grow"`) || !strings.Contains(err.Error(), "raise MaxRecord") {
			t.Errorf("parallelism %d: got %v", p, err)
		}
	}
	// The largest that fits passes.
	j := afflux.NewJob("t", afflux.Parallelism(2), afflux.Buffers(2, 1<<10), afflux.MaxRecord(2000))
	var out collector[string]
	afflux.From(j, "numbers", numbers{1000}).
		Map("grow", func(v *int) string { return strings.Repeat("x", 1960*(*v%2)) }).
		Rebalance().To("out", &out, afflux.Unchained())
	if err := run(t, j); err != nil || len(out.got) != 1000 {
		t.Errorf("%d records arrived: %v", len(out.got), err)
	}
}

// TestUnionWaitsForTheSlowerInput has one input far ahead of the other in event time.
func TestUnionWaitsForTheSlowerInput(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	var out collector[window.Result[int, int64]]
	var late collector[int]
	when := func(v *int) event.Time { return event.Time(*v) }
	slow := afflux.From(j, "slow", numbers{3000}).EventTime(when, afflux.InOrder()).
		Map("slowly", func(v *int) int {
			if *v%100 == 0 {
				spin(200 * time.Microsecond)
			}
			return *v
		})
	res := afflux.From(j, "fast", numbers{3000}).EventTime(when, afflux.InOrder()).Union("both", slow).
		KeyBy("k", func(v *int) int { return *v % 3 }).Window(window.Tumbling(100)).Aggregate("count", afflux.Count[int]())
	res.To("out", &out)
	res.Late().To("late", &late)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, r := range out.got {
		total += r.Value
	}
	if len(out.got) != 30*3 || total != 6000 || len(late.got) != 0 {
		t.Fatalf("%d results with %d records, %d late", len(out.got), total, len(late.got))
	}
}

// spin works for d.
func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

func TestLateRecordsAreCountedAndKept(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	var out collector[window.Result[int, int64]]
	var late collector[int]
	res := afflux.From(j, "numbers", numbers{10_000}, afflux.Parallelism(1)).
		// Every tenth record is a thousand behind.
		EventTime(func(v *int) event.Time {
			if *v%10 == 5 {
				return event.Time(*v - 1000)
			}
			return event.Time(*v)
		}, afflux.InOrder()).
		KeyBy("k", func(v *int) int { return *v % 3 }).Window(window.Tumbling(10)).Aggregate("count", afflux.Count[int]())
	res.To("out", &out)
	res.Late().To("late", &late)
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	total, counted := int64(0), int64(0)
	for _, r := range out.got {
		total += r.Value
	}
	for _, o := range r.Snapshot().Operators {
		for _, s := range o.Subtasks {
			counted += s.Late
		}
	}
	// How many are late depends on how far the watermark has come; none is lost.
	if total+int64(len(late.got)) != 10_000 || counted != int64(len(late.got)) || len(late.got) == 0 {
		t.Fatalf("%d in windows, %d late, counted %d", total, len(late.got), counted)
	}
	if i := slices.IndexFunc(late.got, func(v int) bool { return v%10 != 5 }); i >= 0 {
		t.Fatalf("%d came in time but is among the late", late.got[i])
	}
}

// TestTimeBeforeAllTime has records without a time in the middle of a stream.
func TestTimeBeforeAllTime(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(1), afflux.Buffers(2, 64))
	var out collector[window.Result[int, int64]]
	var late collector[int]
	res := afflux.From(j, "numbers", numbers{100}).Map("same", func(v *int) int { return *v }).
		EventTime(func(v *int) time.Time {
			if *v < 10 { // some batches hold nothing else
				return time.Time{}
			}
			return time.Unix(int64(*v), 0)
		}, afflux.OutOfOrder(5*time.Second)).
		KeyBy("k", func(*int) int { return 0 }).Window(window.Tumbling(time.Second)).Aggregate("count", afflux.Count[int]())
	res.To("out", &out)
	res.Late().To("late", &late)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	if len(late.got) != 0 || len(out.got) != 91 {
		t.Fatalf("%d late, %d windows", len(late.got), len(out.got))
	}
}

// pingPong is a source that hands over a number once the one before has come
// out at its sink.
type pingPong struct {
	collector[int]
	n    int
	came atomic.Int64
	wake atomic.Pointer[func()]
}

func (p *pingPong) Open(context.Context, connector.Subtask) (connector.Writer[int], error) {
	return p, nil
}

func (p *pingPong) Write(b *event.Records[int], from int) (int, error) {
	p.came.Add(int64(len(b.Values) - from))
	(*p.wake.Load())()
	return len(b.Values) - from, nil
}

type pingSource struct{ *pingPong }

func (p pingSource) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	p.wake.Store(&sub.Wake)
	return &pingReader{p: p.pingPong}, nil
}

type pingReader struct {
	p    *pingPong
	sent int
}

func (r *pingReader) Poll(dst *event.Records[int], _ connector.Limit) (connector.Status, error) {
	switch came := int(r.p.came.Load()); {
	case came == r.p.n:
		return connector.Status{State: connector.Done}, nil
	case came < r.sent:
		return connector.Status{State: connector.Idle}, nil
	}
	dst.Append(r.sent, event.Time(r.sent))
	r.sent++
	return connector.Status{}, nil
}
func (r *pingReader) Close() error { return nil }

// TestNothingIsHeldBack has one record on the way at a time: a batch that some
// task keeps while it waits would end it all.
func TestNothingIsHeldBack(t *testing.T) {
	for _, p := range []int{1, 3} {
		ends := &pingPong{n: 1000}
		j := afflux.NewJob("t", afflux.Parallelism(p), afflux.NoChaining())
		afflux.From(j, "ping", pingSource{ends}, afflux.Parallelism(1)).
			Map("m", func(v *int) int { return *v }).
			Rebalance().MapAsync("a", func(_ context.Context, v *int) (int, error) { return *v, nil }, afflux.Parallelism(p)).
			KeyBy("k", func(v *int) int { return *v % 7 }).Reduce("r", func(a, v *int) { *a = *v }, afflux.AnyOrder()).
			FlatMap("f", func(v *int, emit func(int)) error { emit(*v); return nil }).
			To("pong", ends)
		if err := run(t, j); err != nil {
			t.Fatalf("after %d records: %v", ends.came.Load(), err)
		}
	}
}
