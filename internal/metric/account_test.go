package metric

import (
	"testing"
	"time"
)

// TestWaitInProgressCounts follows an operator that waits for an outside system
// for seconds at a time: it must not look as if it did nothing.
func TestWaitInProgressCounts(t *testing.T) {
	const second = int64(time.Second)
	a, c := NewAccount(0), NewOperatorCounters()
	read := func(now int64) (s Subtask) {
		Fill(&s, c, a.Read(now))
		return s
	}
	a.Start(second)
	a.BeginOutside(2 * second)
	c.WaitsSince.Store(2 * second)
	if s := read(5 * second); s.External != 3*time.Second || s.Busy != 4*time.Second || s.Own != 4*time.Second {
		t.Errorf("in the wait: external %v, busy %v, own %v; want 3s, 4s, 4s", s.External, s.Busy, s.Own)
	}
	a.End(6 * second)
	c.WaitsSince.Store(0)
	if s := read(6 * second); s.External < 3*time.Second {
		t.Errorf("before it is added, external goes back to %v", s.External)
	}
	c.External.Add(4 * second)
	if s := read(7 * second); s.External != 4*time.Second || s.Own != 6*time.Second {
		t.Errorf("after the wait: external %v, own %v; want 4s, 6s", s.External, s.Own)
	}
	a.BeginOutside(8 * second)
	c.WaitsSince.Store(8 * second)
	a.Stop(9 * second) // it was cancelled in the wait
	if s := read(20 * second); s.External != 5*time.Second {
		t.Errorf("after the end: external %v, want 5s", s.External)
	}
}
