package transform

import (
	"math"
	"testing"
	"time"
)

func TestLoadIsAMeanOfLate(t *testing.T) {
	var l load
	now := time.Unix(1000, 0)
	near := func(want float64) {
		t.Helper()
		if got := l.mean(now); math.Abs(got-want) > 0.01 {
			t.Errorf("a mean of %.2f calls, want %.2f", got, want)
		}
	}
	near(0)
	l.change(4, now)
	near(4)
	// Three quarters of the time all four are under way, else two.
	for range 400 {
		now = now.Add(3 * time.Millisecond)
		l.change(-2, now)
		now = now.Add(time.Millisecond)
		l.change(+2, now)
	}
	near(3.5)
	// Two askers, each once a second: what was before is forgotten.
	l.change(-3, now)
	for range 3 {
		now = now.Add(300 * time.Millisecond)
		l.mean(now)
		now = now.Add(700 * time.Millisecond)
		l.mean(now)
	}
	near(1)
	l.change(-1, now)
	now = now.Add(time.Hour)
	near(0)
}
