package job

import (
	"errors"
	"testing"
	"time"
)

func TestRestarts(t *testing.T) {
	first, later := errors.New("first"), errors.New("later")
	r := newRestarts(Restart{Attempts: 3, Delay: time.Second, MaxDelay: 3 * time.Second, Factor: 2, Jitter: 0.5, Reset: time.Minute})
	r.draw = func() float64 { return 0.5 } // no jitter
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		err := later
		if i == 0 {
			err = first
		}
		if d, again := r.failed(err, 0); d != want || !again {
			t.Errorf("failure %d: %v, %v; want %v", i, d, again, want)
		}
	}
	if _, again := r.failed(later, 59*time.Second); again || !errors.Is(r.first, first) {
		t.Errorf("the fourth in a row: again is %v, the cause %v", again, r.first)
	}
	if d, again := r.failed(later, time.Minute); d != time.Second || !again || !errors.Is(r.first, later) {
		t.Errorf("after a minute: %v, %v, %v", d, again, r.first)
	}
	r.draw = func() float64 { return 0 }
	if d, _ := r.failed(later, 0); d != time.Second {
		t.Errorf("2 s less one half is %v", d)
	}
	if _, again := newRestarts(Restart{}).failed(first, time.Hour); again {
		t.Error("a job without a strategy was restarted")
	}
	forever := newRestarts(Restart{Attempts: -1, Delay: time.Second})
	for range 100 {
		if d, again := forever.failed(first, 0); !again || d != time.Second {
			t.Fatal(d, again)
		}
	}
}
