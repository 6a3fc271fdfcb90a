package task

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
)

func times(ts ...event.Time) []event.Time { return ts }

// expect checks the watermark after a step.
func (m *marks) expect(t *testing.T, step string, want event.Time, moves bool) {
	t.Helper()
	if wm, moved := m.watermark(); wm != want || moved != moves {
		t.Errorf("%s: the watermark is %v, moved %v; want %v, %v", step, wm, moved, want, moves)
	}
}

// waits lets the source wait, and ask again for nothing.
func (m *marks) waits(d int64) {
	m.waited(d)
	m.silent()
}

func TestWatermarkOfTheSlowestSplit(t *testing.T) {
	m := newMarks(10, 0)
	m.expect(t, "nothing known", event.MinTime, false)
	m.assign([]int{1, 2})
	m.observe(1, times(100, 50))
	m.expect(t, "split 2 has had nothing", event.MinTime, false)
	m.observe(2, times(70))
	m.expect(t, "70 less 10, and just before", 59, true)
	m.observe(1, times(500))
	m.expect(t, "split 2 holds it", 59, false)
	m.observe(2, times(20))
	m.expect(t, "it never goes back", 59, false)
	m.end(2)
	m.expect(t, "split 2 has ended", 489, true)
	m.observe(3, times(300))
	m.expect(t, "a new split cannot take it back", 489, false)
	m.end(1)
	m.end(3)
	m.expect(t, "no splits", 489, false)
}

func TestIdleSplits(t *testing.T) {
	m := newMarks(0, 100)
	m.assign([]int{1, 2})
	m.waits(99)
	m.observe(1, times(1000))
	m.waits(0)
	m.expect(t, "split 2 is silent for a short time", event.MinTime, false)
	if d := m.patience(); d != 1 {
		t.Errorf("split 2 is idle in %d, not in 1", d)
	}
	m.waits(1)
	m.expect(t, "split 2 is idle", 999, true)
	m.observe(2, times(500))
	m.observe(1, times(2000))
	m.expect(t, "split 2 is back and holds the watermark", 999, false)
	m.waited(100)
	m.expect(t, "nobody knows yet that they are still silent", 999, false)
	m.silent()
	m.expect(t, "all are idle: the furthest counts", 1999, true)
	if d := m.patience(); d != 0 || !m.resting() {
		t.Errorf("all are idle, and one is to become so in %d", d)
	}
	m.observe(1, times(3000))
	m.expect(t, "split 2 is still idle", 2999, true)
}

func TestWatermarkAtTheEndsOfTime(t *testing.T) {
	m := newMarks(time.Hour, 0)
	m.observe(1, times(event.MinTime+1))
	m.expect(t, "before all time", event.MinTime, false)
	m.observe(1, times(event.MaxTime))
	m.expect(t, "after all time", event.MaxTime.Add(-time.Hour)-1, true)
}
