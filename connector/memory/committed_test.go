package memory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

func TestCommittedSink(t *testing.T) {
	connectortest.TestSink(t, connectortest.Sink[item]{
		New: func(testing.TB) (connector.Sink[item], func(testing.TB) []item) {
			c := memory.CommittedSink[item]()
			return c, func(testing.TB) []item { return c.Values() }
		},
		Record: func(k int) item { return item{k, "text"} },
		Key:    func(v *item) int { return v.N },
		Atomic: true, TwoPhase: true,
	})
}

// TestCommitted follows a job through two checkpoints, a crash and a recovery
// from the first: only what that one prepared is shown, and the crashed attempt
// is kept from going on.
func TestCommitted(t *testing.T) {
	c := memory.CommittedSink[string]()
	ctx := context.Background()
	open := func(handles ...[]byte) (connector.Writer[string], connector.Preparer) {
		t.Helper()
		if err := c.Recover(ctx, connector.Recovery{Prepared: handles, Parallelism: len(handles), Next: 1}); err != nil {
			t.Fatal(err)
		}
		w, err := c.Open(ctx, connector.Subtask{Parallelism: 1, Checkpoints: true})
		if err != nil {
			t.Fatal(err)
		}
		return w, w.(connector.Preparer)
	}
	put := func(w connector.Writer[string], values ...string) {
		t.Helper()
		if n, err := w.Write(&event.Records[string]{Values: values, Times: make([]event.Time, len(values))}, 0); n != len(values) || err != nil {
			t.Fatal(n, err)
		}
	}
	prepare := func(p connector.Preparer) []byte {
		t.Helper()
		prepared, err := p.Prepare()
		if err != nil {
			t.Fatal(err)
		}
		return prepared.Handle
	}
	shows := func(want ...string) {
		t.Helper()
		if got := c.Values(); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	w, p := open()
	put(w, "a", "b")
	first := prepare(p)
	if again := prepare(p); again != nil {
		t.Errorf("nothing was written and the handle is %x", again)
	}
	put(w, "c")
	second := prepare(p)
	shows()
	put(w, "d")

	old := p
	w, p = open(first)
	shows("a", "b")
	if err := old.Commit(ctx, [][]byte{second}); err == nil {
		t.Error("an attempt that is over may commit")
	}
	if err := p.Commit(ctx, [][]byte{second}); err == nil {
		t.Error("what was rolled back may be committed")
	}
	put(w, "c", "d")
	third := prepare(p)
	if err := errors.Join(p.Commit(ctx, [][]byte{first, third}), p.Commit(ctx, [][]byte{third})); err != nil {
		t.Fatal(err)
	}
	shows("a", "b", "c", "d")
	put(w, "lost")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	shows("a", "b", "c", "d")
	if n := c.Prepared(); n != 0 {
		t.Errorf("%d records are still prepared", n)
	}
}
