package afflux_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
	"go.uber.org/goleak"
)

// metered is a source of the integers below n, as event times too, of which
// allow says how many may be read. It tells its reader's position and what the
// engine says about pressure.
type metered struct {
	n       int
	read    atomic.Int64
	pressed atomic.Int64
	polled  chan struct{} // a token after each poll that had something

	mu    sync.Mutex
	allow int
	wake  func()
}

func newMetered(n, allow int) *metered {
	return &metered{n: n, allow: allow, polled: make(chan struct{}, 1)}
}

func (s *metered) permit(allow int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allow = allow
	if s.wake != nil {
		s.wake()
	}
}

func (s *metered) Describe() connector.Description {
	return connector.Description{Kind: "metered", Bounded: true, MaxParallelism: 1}
}

func (s *metered) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = sub.Wake
	return s, nil
}

func (s *metered) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	s.mu.Lock()
	allow := s.allow
	s.mu.Unlock()
	at := int(s.read.Load())
	for range min(limit.Records, allow-at, 10) {
		dst.Append(at, event.Time(at))
		at++
	}
	if s.read.Swap(int64(at)) != int64(at) {
		select {
		case s.polled <- struct{}{}:
		default:
		}
	}
	switch {
	case at == s.n:
		return connector.Status{State: connector.Done}, nil
	case at == allow:
		return connector.Status{State: connector.Idle}, nil
	}
	return connector.Status{}, nil
}

func (s *metered) Pressed(on bool) {
	if on {
		s.pressed.Add(1)
		select {
		case s.polled <- struct{}{}:
		default:
		}
	}
}

func (s *metered) Close() error { return nil }

func TestAlignedSourcesStayTogether(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	const n, drift = 10_000, 100
	fast, slow := newMetered(n, n), newMetered(n, 0)
	var out collector[window.Result[int, int64]]
	j := afflux.NewJob("t", afflux.Parallelism(1))
	align := afflux.Align("both", drift)
	number := func(v *int) event.Time { return event.Time(*v) }
	s := afflux.From(j, "slow", slow, align).EventTime(number, afflux.InOrder())
	afflux.From(j, "fast", fast, align).EventTime(number, afflux.InOrder()).
		Union("both", s).KeyBy("k", func(*int) int { return 0 }).
		Window(window.Tumbling(1000)).Aggregate("count", afflux.Count[int]()).To("out", &out)
	slow.permit(10)
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for at := 500; ; at = min(at+500, n) {
		slow.permit(at)
		for fast.read.Load() < min(int64(at+drift), n) || slow.read.Load() < int64(at) { // it comes as close as it may
			select {
			case <-fast.polled:
			case <-slow.polled:
			case <-t.Context().Done():
				t.Fatal("the sources do not go on")
			}
		}
		if at == n {
			break
		}
		// A poll may go over the limit by the records of one batch.
		if read := fast.read.Load(); read > int64(at+drift+2*10) {
			t.Fatalf("the fast source has read %d records when the slow one has %d", read, at)
		}
		if at == 500 { // it is held back long enough for its reader to be told
			for fast.pressed.Load() == 0 {
				<-fast.polled
			}
		}
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(out.got) != n/1000 {
		t.Fatalf("%d results", len(out.got))
	}
	for _, w := range out.got {
		if w.Value != 2000 {
			t.Errorf("%v", w)
		}
	}
}

func TestMistakesOfWatermarks(t *testing.T) {
	number := func(v *int) event.Time { return event.Time(*v) }
	for want, build := range map[string]func(j *afflux.Job){
		"only sources can be aligned": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}).Map("m", func(v *int) int { return *v }, afflux.Align("g", time.Second)).To("out", new(collector[int]))
		},
		"the drift has to be positive": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}, afflux.Align("g", 0)).EventTime(number, afflux.InOrder()).To("out", new(collector[int]))
		},
		"has no event times": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}, afflux.Align("g", time.Second)).To("out", new(collector[int]))
		},
		"is for another type of records": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}).EventTime(number, afflux.Punctuated(func(*string) event.Time { return 0 })).To("out", new(collector[int]))
		},
		"takes no early results and no lateness": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}).KeyBy("k", func(v *int) int { return *v }).Window(window.Count(3), afflux.Early(time.Second)).
				Aggregate("n", afflux.Count[int]()).Map("m", func(*window.Result[int, int64]) int { return 0 }).To("out", new(collector[int]))
		},
		"an allowed lateness of -1s": func(j *afflux.Job) {
			afflux.From(j, "s", numbers{1}).EventTime(number, afflux.InOrder()).KeyBy("k", func(v *int) int { return *v }).
				Window(window.Session(time.Second), afflux.AllowedLateness(-time.Second)).
				Aggregate("n", afflux.Count[int]()).Map("m", func(*window.Result[int, int64]) int { return 0 }).To("out", new(collector[int]))
		},
	} {
		j := afflux.NewJob("t", afflux.Parallelism(1))
		build(j)
		if err := run(t, j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A record that is a multiple of 100 says that all before it have come.
func TestPunctuatedWatermarks(t *testing.T) {
	say := func(v *int) event.Time {
		if *v%100 == 0 {
			return event.Time(*v) - 1
		}
		return event.MinTime
	}
	number := func(v *int) event.Time { return event.Time(*v) }
	// Within each hundred the order is reversed but for its first.
	values := make([]int, 1000)
	for i := range values {
		values[i] = i
	}
	for from := 0; from < len(values); from += 100 {
		slices.Reverse(values[from+1 : from+100])
	}
	for _, late := range []bool{false, true} { // after the source, and further down
		for _, p := range parallelisms {
			t.Run(fmt.Sprint(late, " ", p), func(t *testing.T) {
				j := afflux.NewJob("t", afflux.Parallelism(p), afflux.Buffers(2, 64))
				s := afflux.From(j, "numbers", memory.Source(values), afflux.Parallelism(1))
				if late {
					s = s.Map("same", func(v *int) int { return *v })
				}
				out, lateOut := memory.Sink[window.Result[int, int64]](), memory.Sink[int]()
				r := s.EventTime(number, afflux.Punctuated(say)).KeyBy("k", func(v *int) int { return *v % 7 }).
					Window(window.Tumbling(100)).Aggregate("count", afflux.Count[int]())
				r.To("out", out)
				r.Late().To("late", lateOut)
				if err := run(t, j); err != nil {
					t.Fatal(err)
				}
				n := int64(0)
				for _, r := range out.Values() {
					n += r.Value
				}
				if n != 1000 || len(lateOut.Values()) > 0 || len(out.Values()) != 70 {
					t.Errorf("%d records in %d windows, %d late", n, len(out.Values()), len(lateOut.Values()))
				}
			})
		}
	}
}

// lopsided is a source whose first subtask has n integers and the others
// nothing; none of them ends.
type lopsided struct{ n int }

func (s lopsided) Describe() connector.Description { return connector.Description{Kind: "lopsided"} }

func (s lopsided) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	if sub.Index > 0 {
		s.n = 0
	}
	return &lopsidedReader{n: s.n}, nil
}

type lopsidedReader struct{ next, n int }

func (r *lopsidedReader) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	for range min(limit.Records, r.n-r.next) {
		dst.Append(r.next, event.Time(r.next))
		r.next++
	}
	if r.next == r.n {
		return connector.Status{State: connector.Idle}, nil
	}
	return connector.Status{}, nil
}

func (r *lopsidedReader) Close() error { return nil }

func TestIdleSubtasksFollowTheOthers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ends := make(chan event.Time, 10)
	j := afflux.NewJob("t", afflux.Parallelism(3))
	afflux.From(j, "numbers", lopsided{1000}).
		EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder().IdleAfter(time.Millisecond)).
		KeyBy("k", func(*int) int { return 0 }).
		Window(window.Tumbling(100)).
		Apply("ends", func(r *window.Result[int, []int], emit func(int)) error {
			if len(r.Value) != 100 {
				return fmt.Errorf("%d records in window %d", len(r.Value), r.Start)
			}
			ends <- r.End
			emit(0)
			return nil
		}).To("out", new(collector[int]))
	r, err := j.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for want := event.Time(100); want < 1000; want += 100 { // the last window is open
		select {
		case end := <-ends:
			if end != want {
				t.Errorf("the window that ends at %d comes when that of %d is due", end, want)
			}
		case <-t.Context().Done():
			t.Fatal("no result")
		}
	}
	r.Drain()
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
}
