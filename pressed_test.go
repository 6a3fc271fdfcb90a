package afflux_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// lagging is a source of two splits. The first has much to read; then nothing
// is at hand for a moment, as after a pause; then comes the second, whose
// records are older.
type lagging struct {
	step   int
	polled atomic.Int64
}

const laggingBatches = 40 // batches of the first split

func (s *lagging) Describe() connector.Description {
	return connector.Description{Kind: "lagging", Bounded: true, MaxParallelism: 1}
}

func (s *lagging) Open(context.Context, connector.Subtask) (connector.Reader[int], error) {
	return s, nil
}

func (s *lagging) Splits() []int       { return []int{0, 1} }
func (s *lagging) SplitsChanged() bool { return false }
func (s *lagging) Close() error        { return nil }

func (s *lagging) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	s.step++
	switch {
	case s.step <= laggingBatches:
		for range limit.Records {
			dst.Append(1_000_000+s.step, event.Time(1_000_000+s.step))
		}
		s.polled.Add(int64(len(dst.Values)))
		return connector.Status{Split: 0}, nil
	case s.step == laggingBatches+1:
		return connector.Status{State: connector.Idle, After: time.Millisecond}, nil
	case s.step == laggingBatches+2:
		dst.Append(5, 5)
		return connector.Status{Split: 1}, nil
	}
	return connector.Status{State: connector.Done}, nil
}

// stalls lets the first batch wait for a second, and is fast after that.
type stalls struct{ once atomic.Bool }

func (s *stalls) block(*int) bool {
	if s.once.CompareAndSwap(false, true) {
		<-time.After(time.Second)
	}
	return true
}

// A split is silent while its source is pressed: nobody asks for its records.
// However long that lasts, it is not idle, and what it has then is not late.
func TestPressedSplitsAreNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, slow := &lagging{}, &stalls{}
		out, late := memory.Sink[window.Result[int, int64]](), memory.Sink[int]()
		j := afflux.NewJob("pressed", afflux.Parallelism(1))
		r := afflux.From(j, "lagging", src).
			Watermarks(afflux.InOrder().IdleAfter(100*time.Millisecond)).
			Filter("stall", slow.block, afflux.Unchained()).
			KeyBy("all", func(*int) int { return 0 }).
			Window(window.Tumbling(1000)).
			Aggregate("count", afflux.Count[int]())
		r.To("out", out)
		r.Late().To("late", late)
		if err := j.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := late.Values(); len(got) > 0 {
			t.Errorf("late: %v", got)
		}
		var counts []int64
		for _, v := range out.Values() {
			counts = append(counts, v.Value)
		}
		slices.Sort(counts)
		if want := []int64{1, src.polled.Load()}; !slices.Equal(counts, want) {
			t.Errorf("windows counted %v records, want %v", counts, want)
		}
	})
}
