package task

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/operator"
)

func TestTooFarAhead(t *testing.T) {
	for _, c := range []struct {
		own, lowest event.Time
		drift       time.Duration
		want        bool
	}{
		{100, 100, 10, false},
		{110, 100, 10, false},
		{111, 100, 10, true},
		{90, 100, 10, false},
		{event.MinTime, 100, 10, false},
		{event.MaxTime, 100, 10, false}, // idle or ended
		{event.MaxTime - 1, event.MaxTime - 5, 10, false},
		{0, event.MinTime, 10, true}, // nothing is known of the other
		{event.MinTime, event.MinTime, 10, false},
	} {
		if got := tooFar(c.own, c.lowest, c.drift); got != c.want {
			t.Errorf("tooFar(%v, %v, %v) = %v", c.own, c.lowest, c.drift, got)
		}
	}
}

func TestHorizonWakesWhoWaits(t *testing.T) {
	h := new(Horizon)
	fast, slow, silent := h.join(exchange.NewWaker(), 10), h.join(exchange.NewWaker(), 10), h.join(exchange.NewWaker(), 10)
	fast.publish(500)
	slow.publish(100)
	if !fast.ahead() || !slow.ahead() || silent.ahead() {
		t.Error("a source without a watermark holds nobody back")
	}
	silent.publish(event.MaxTime) // idle
	if !fast.ahead() || slow.ahead() || silent.ahead() {
		t.Errorf("ahead are fast %v, slow %v, silent %v", fast.ahead(), slow.ahead(), silent.ahead())
	}
	if !fast.arm() {
		t.Fatal("the fast one must wait")
	}
	slow.publish(200)
	if fast.waker.Pending() {
		t.Error("the fast one is woken too early")
	}
	slow.publish(490)
	if !fast.waker.Pending() || fast.ahead() {
		t.Error("the fast one is not woken")
	}
	fast.disarm()
	fast.publish(600)
	slow.publish(event.MaxTime) // has ended
	if fast.arm() {
		t.Error("an ended source holds others back")
	}
	fast.disarm()
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestSourceWithoutSplitsRests(t *testing.T) {
	m := newMarks(0, 100)
	if m.waits(99); m.resting() || m.patience() != 1 {
		t.Error("it has had nothing for 99 only")
	}
	if m.waits(1); !m.resting() {
		t.Error("it has had nothing for 100")
	}
	m.assign([]int{7})
	if m.waits(99); m.resting() {
		t.Error("it has a split that was silent for 99")
	}
	m.end(7)
	if m.waits(99); m.resting() {
		t.Error("it had a split until 99 ago")
	}
}

// steps is a generator that says what it was told to.
type steps struct{ batch, period event.Time }

func (s *steps) Batch(event.Batch) event.Time { return s.batch }
func (s *steps) Period(time.Time) event.Time  { return s.period }

func TestGeneratedWatermarksPerSplit(t *testing.T) {
	var made []*steps
	m := newMarks(0, 0)
	m.period = 10
	m.generate = func() operator.WatermarkGenerator {
		made = append(made, &steps{event.MinTime, event.MinTime})
		return made[len(made)-1]
	}
	b := event.NewRecords[int](1)
	b.Append(1, 77)
	m.assign([]int{1, 2})
	m.observeBatch(1, b)
	m.expect(t, "nobody has said anything", event.MinTime, false)
	made[0].batch, made[1].batch = 50, 40
	m.observeBatch(1, b)
	m.expect(t, "split 2 holds it", event.MinTime, false)
	m.observeBatch(2, b)
	m.expect(t, "the slowest", 40, true)
	made[1].period = 60
	m.periodic(20, time.Time{})
	m.expect(t, "split 2 moves by the clock", 50, true)
	made[0].period = 90
	m.periodic(25, time.Time{})
	m.expect(t, "the period has not passed", 50, false)
	m.periodic(30, time.Time{})
	m.expect(t, "now it has", 60, true)
}
