// Package connectortest holds the kit that every connector must pass: it
// drives Readers and Writers through the contract of package connector, at
// several degrees of parallelism, and says which clause was broken.
//
// Readers and writers that take part in checkpoints are held to that as well:
// positions are taken at random polls and resumed at other parallelisms, and
// writers are crashed at each moment of a checkpoint and recovered. Source.Positioned
// and Sink.TwoPhase say that they must.
//
// A connector's test fills in a Source or Sink harness and calls TestSource
// or TestSink.
package connectortest

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long the kit waits for a call that must return, or for a
// wake-up that must come.
var patience = 30 * time.Second

// check is one clause of the contract. It returns what is wrong.
type check[H any] struct {
	name string
	run  func(tb testing.TB, h H) error
}

// run runs checks as subtests and looks for goroutines that each leaves.
func run[H any](t *testing.T, h H, checks []check[H], settle func()) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := guarded(t, h, c, settle); err != nil {
				t.Error(err)
			}
		})
	}
}

func guarded[H any](tb testing.TB, h H, c check[H], settle func()) error {
	before := goleak.IgnoreCurrent()
	if err := c.run(tb, h); err != nil {
		return err
	}
	if settle != nil {
		settle()
	}
	if err := goleak.Find(before); err != nil {
		return fmt.Errorf("goroutines outlive Close: %w", err)
	}
	return nil
}

// within calls f and fails when it does not return in time. The goroutine is
// lost in that case, and so is the test.
func within(what string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("%s did not return within %v", what, patience)
	}
}
