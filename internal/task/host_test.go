package task

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
)

// TestStepperKeepsTokens lets a task yield with a token pending: it must find
// it when it waits.
func TestStepperKeepsTokens(t *testing.T) {
	clock := int64(0)
	w := exchange.NewWaker()
	s := NewStepper(context.Background(), w, func() int64 { return clock }, nil)
	s.Attach(func() {
		s.Yield()
		s.Suspend(Idle, 0)
		s.Suspend(Outside, 50)
		s.Suspend(Blocked, 0)
	})
	var got []Status
	step := func(runnable bool) {
		t.Helper()
		if s.Runnable() != runnable {
			t.Errorf("after %v: runnable is %v", got, !runnable)
		}
		got = append(got, s.Step())
	}
	step(true) // yields
	w.Wake()
	step(true) // waits with a token at hand
	step(true) // waits for a time
	if s.Runnable() || s.Due() != 50 {
		t.Errorf("due at %d", s.Due())
	}
	clock = 50
	step(true) // waits for credit
	if s.Runnable() || s.Due() != 0 {
		t.Errorf("runnable without a token, due at %d", s.Due())
	}
	w.Wake()
	step(true)
	step(false)
	if want := []Status{Ran, Idle, Outside, Blocked, Done, Done}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.Close()
}

// TestMotorParksUntilWoken checks that a wake-up before parking counts.
func TestMotorParksUntilWoken(t *testing.T) {
	w := exchange.NewWaker()
	m := NewMotor(context.Background(), w, nil, time.Now())
	w.Wake()
	w.Wake()
	m.Suspend(Idle, 0)
	before := m.Now()
	m.Suspend(Idle, 2*time.Millisecond)
	if waited := time.Duration(m.Now() - before); waited < 2*time.Millisecond {
		t.Errorf("a second token was found after %v", waited)
	}
}
