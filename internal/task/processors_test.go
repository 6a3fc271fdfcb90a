package task

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
)

// TestAwakeTasks checks that a task counts from its beginning to its end, but not
// while it is parked.
func TestAwakeTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := exchange.NewWaker()
		m := NewMotor(context.Background(), w, nil, time.Now())
		before := awake.n.Load()
		check := func(when string, want int32) {
			t.Helper()
			if n := awake.n.Load() - before; n != want {
				t.Errorf("%s: %d tasks are awake, not %d", when, n, want)
			}
		}
		again, done := make(chan bool), make(chan bool)
		go func() {
			m.Begin()
			<-again
			m.Suspend(Idle, 0)
			<-again
			m.End()
			done <- true
		}()
		synctest.Wait()
		check("at work", 1)
		again <- true
		synctest.Wait()
		check("parked", 0)
		w.Wake()
		synctest.Wait()
		check("woken", 1)
		again <- true
		<-done
		check("ended", 0)
	})
}

// TestTasksKeepSpareProcessors checks that a task gives its processor up when there
// may be none for others, and now and then when there is.
func TestTasksKeepSpareProcessors(t *testing.T) {
	for name, c := range map[string]struct {
		processors int32
		want       []int // turns kept
	}{
		"one to spare": {awake.n.Load() + 1, []int{1, 2, 3, mostSkipped, 0}},
		"none":         {awake.n.Load(), []int{0, 0}},
	} {
		var s turnstile
		for i, want := range c.want {
			s.processors = c.processors // giving it up is when a task looks how many there are
			if s.yield(); s.skipped != want {
				t.Errorf("%s, turn %d: %d turns kept, not %d", name, i, s.skipped, want)
			}
		}
	}
}
