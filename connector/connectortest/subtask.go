package connectortest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/connector"
)

// subtask is the engine's side of a connector.Subtask, with what it saw.
type subtask struct {
	index    int
	wake     chan struct{} // holds at most one
	inside   atomic.Bool   // a Poll or Write is running
	misuse   atomic.Pointer[string]
	rejected []connector.Rejected
	refuse   error // what Reject returns
}

// Who the kit's readers and writers work for.
const (
	jobName      = "connectortest"
	operatorName = "kit"
)

func newSubtask(index int) *subtask { return &subtask{index: index, wake: make(chan struct{}, 1)} }

func (s *subtask) connect(parallelism int) connector.Subtask {
	return connector.Subtask{
		Job:         jobName,
		Operator:    operatorName,
		Index:       s.index,
		Parallelism: parallelism,
		Wake: func() {
			select {
			case s.wake <- struct{}{}:
			default:
			}
		},
		Reject: func(r connector.Rejected) error {
			switch {
			case !s.inside.Load():
				s.complain("Reject was called outside of Poll and Write")
			case r.Reason == nil:
				s.complain("Reject was called without a reason")
			case len(r.Payload) > connector.MaxPayload:
				s.complain(fmt.Sprintf("Reject got a payload of %d bytes, more than MaxPayload", len(r.Payload)))
			}
			r.Payload = append([]byte(nil), r.Payload...)
			s.rejected = append(s.rejected, r)
			return s.refuse
		},
		Gauge: func(name string, _ float64, labels ...string) {
			if name == "" || len(labels)%2 != 0 {
				s.complain(fmt.Sprintf("Gauge(%q) got %d labels: they are name and value in turn", name, len(labels)))
			}
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

func (s *subtask) complain(what string) { s.misuse.CompareAndSwap(nil, &what) }

// err returns the first misuse of the subtask's functions.
func (s *subtask) err() error {
	if m := s.misuse.Load(); m != nil {
		return errors.New(*m)
	}
	return nil
}

// waitUntil returns after a wake-up or, if after is set, that time; also when
// ctx ends. A wake-up that is not used stays for the next call.
func (s *subtask) waitUntil(ctx context.Context, after time.Duration) error {
	limit := patience
	if after > 0 {
		limit = after
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return nil
	case <-t.C:
		if after > 0 {
			return nil
		}
		return fmt.Errorf("no Wake within %v", patience)
	}
}
