package connectortest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// vault is a correct sink in memory that commits in two phases; a fault breaks
// one clause.
type vault struct {
	mu       sync.Mutex
	fault    string
	attempt  int
	count    int
	prepared map[string][]item
	complete []item
}

func (v *vault) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: "vault"}
}

func (v *vault) Open(_ context.Context, sub connector.Subtask) (connector.Writer[item], error) {
	return &vaultWriter{v: v, attempt: v.attempt, checkpoints: sub.Checkpoints}, nil
}

func (v *vault) commit(handles [][]byte) error {
	for _, h := range handles {
		items, ok := v.prepared[string(h)]
		if ok || v.fault == "commits again" {
			v.complete = append(v.complete, items...)
		}
		if !ok && v.fault == "refuses again" {
			return errors.New("not prepared")
		}
		if v.fault != "commits again" {
			delete(v.prepared, string(h))
		}
	}
	return nil
}

func (v *vault) Recover(_ context.Context, r connector.Recovery) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault != "no fence" {
		v.attempt++
	}
	switch v.fault {
	case "recovers nothing":
		return nil
	case "recovers one":
		if len(r.Prepared) > 1 {
			r.Prepared = r.Prepared[:1]
		}
	}
	err := v.commit(r.Prepared)
	if v.fault != "no fence" {
		clear(v.prepared)
	}
	return err
}

type vaultWriter struct {
	v           *vault
	attempt     int
	checkpoints bool
	flushed     bool
	held        []item
}

func (w *vaultWriter) Write(b *event.Records[item], from int) (int, error) {
	w.flushed = false
	w.held = append(w.held, b.Values[from:]...)
	return b.Len() - from, nil
}

func (w *vaultWriter) Flush(context.Context) error { w.flushed = true; return nil }

func (w *vaultWriter) Prepare() (connector.Prepared, error) {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	if w.attempt != w.v.attempt {
		return connector.Prepared{}, errors.New("another attempt runs")
	}
	if len(w.held) == 0 {
		return connector.Prepared{}, nil
	}
	w.v.count++
	h := fmt.Append(nil, w.v.count)
	items := w.held
	w.held = nil
	switch w.v.fault {
	case "prepares late":
		w.held, items = items[len(items)-1:], items[:len(items)-1]
	case "shows early":
		w.v.complete = append(w.v.complete, items...)
		items = nil
	}
	w.v.prepared[string(h)] = items
	return connector.Prepared{Handle: h}, nil
}

func (w *vaultWriter) Commit(_ context.Context, handles [][]byte) error {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	if w.attempt != w.v.attempt {
		return errors.New("another attempt runs")
	}
	if w.v.fault == "commits the last" && len(handles) > 1 {
		handles = handles[len(handles)-1:]
	}
	return w.v.commit(handles)
}

func (w *vaultWriter) Close() error {
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	if w.flushed && !w.checkpoints {
		w.v.complete = append(w.v.complete, w.held...)
	}
	w.held = nil
	return nil
}

func vaultHarness(fault string) Sink[item] {
	return Sink[item]{
		New: func(testing.TB) (connector.Sink[item], func(testing.TB) []item) {
			v := &vault{fault: fault, prepared: map[string][]item{}}
			return v, func(testing.TB) []item {
				v.mu.Lock()
				defer v.mu.Unlock()
				return append([]item(nil), v.complete...)
			}
		},
		Record:   func(k int) item { return item{Key: k} },
		Key:      func(v *item) int { return v.Key },
		Atomic:   true,
		TwoPhase: true,
	}
}

func TestTwoPhaseSinkPasses(t *testing.T) { TestSink(t, vaultHarness("")) }

func TestBrokenTwoPhaseSinksAreCaught(t *testing.T) {
	impatient(t)
	for _, m := range []struct{ fault, want string }{
		{"prepares late", "after Commit: the output lacks record"},
		{"shows early", "before Commit: the output has record"},
		{"commits again", "more than once"},
		{"commits the last", "follows one given up: the output lacks record"},
		{"recovers nothing", "after Recover: the output lacks record"},
		{"recovers one", "after Recover: the output lacks record"},
		{"refuses again", "again: Commit of subtask 0: not prepared"},
		{"no fence", "after writers of an earlier attempt went on: the output has record"},
	} {
		t.Run(m.fault, func(t *testing.T) {
			got := strings.Join(failures(t, vaultHarness(m.fault), sinkChecks[item]()), "\n")
			if !strings.Contains(got, m.want) {
				t.Errorf("the kit says %q, which does not tell %q", got, m.want)
			}
		})
	}
}
