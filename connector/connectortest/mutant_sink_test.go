package connectortest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// crate is a correct atomic sink in memory that takes at most three records a
// Write; a fault breaks one clause.
type crate struct {
	fault    string
	complete []item
}

func (c *crate) Describe() connector.Description {
	return connector.Description{Kind: "memory", Target: "crate"}
}

func (c *crate) Open(_ context.Context, sub connector.Subtask) (connector.Writer[item], error) {
	return &crateWriter{c: c, sub: sub}, nil
}

type crateWriter struct {
	c       *crate
	sub     connector.Subtask
	held    []item
	kept    []*item
	flushed bool
	closed  bool
}

func (w *crateWriter) Write(b *event.Records[item], from int) (int, error) {
	w.flushed = false
	n, first := min(3, b.Len()-from), from
	if w.c.fault == "starts again" {
		first = 0
	}
	for i := first; i < first+n; i++ {
		if b.Values[i].Key < 0 {
			if w.c.fault == "drops bad" {
				continue
			}
			if err := w.sub.Reject(connector.Rejected{Reason: errors.New("bad"), Payload: []byte("x")}); err != nil {
				return i - from, err
			}
			continue
		}
		if w.c.fault == "keeps the batch" {
			w.kept = append(w.kept, &b.Values[i])
			continue
		}
		w.held = append(w.held, b.Values[i])
	}
	if from+n < b.Len() && w.c.fault != "no wake" {
		w.sub.Wake()
	}
	if w.c.fault == "takes too many" {
		n++
	}
	return n, nil
}

func (w *crateWriter) Flush(context.Context) error {
	w.flushed = true
	for _, k := range w.kept {
		w.held = append(w.held, *k)
	}
	w.kept = nil
	if w.c.fault == "flush forgets" {
		w.held = w.held[:len(w.held)/2]
	}
	return nil
}

func (w *crateWriter) Close() error {
	if w.closed && w.c.fault == "close twice" {
		w.c.complete = append(w.c.complete, w.held...)
	}
	if !w.closed && (w.flushed || w.c.fault == "close completes") {
		w.c.complete = append(w.c.complete, w.held...)
	}
	w.closed = true
	return nil
}

func sinkHarness(fault string) Sink[item] {
	return Sink[item]{
		New: func(testing.TB) (connector.Sink[item], func(testing.TB) []item) {
			c := &crate{fault: fault}
			return c, func(testing.TB) []item { return c.complete }
		},
		Record: func(k int) item { return item{Key: k} },
		Key:    func(v *item) int { return v.Key },
		Bad:    &item{Key: -1},
		Atomic: true,
	}
}

func TestSinkPasses(t *testing.T) { TestSink(t, sinkHarness("")) }

func TestBrokenSinksAreCaught(t *testing.T) {
	impatient(t)
	for _, m := range []struct{ fault, want string }{
		{"starts again", "the output has"},
		{"drops bad", "0 were rejected"},
		{"keeps the batch", "the output has"},
		{"no wake", "no Wake within"},
		{"takes too many", "Write took"},
		{"flush forgets", "the output has"},
		{"close twice", "more than once"},
		{"close completes", "look complete"},
	} {
		t.Run(m.fault, func(t *testing.T) {
			got := strings.Join(failures(t, sinkHarness(m.fault), sinkChecks[item]()), "\n")
			if !strings.Contains(got, m.want) {
				t.Errorf("the kit says %q, which does not tell %q", got, m.want)
			}
		})
	}
}
