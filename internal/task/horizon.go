package task

import (
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/exchange"
)

// Horizon is how far some source subtasks have come in event time, for each to
// see the others. Members join before any of them runs.
type Horizon struct {
	members []*member
	waiting atomic.Int32
}

// member is the part of a Horizon that one source writes. A nil member stands
// alone.
type member struct {
	group *Horizon
	waker *exchange.Waker
	drift time.Duration
	// mark is the watermark: MinTime before the first, MaxTime of one that is
	// idle or has ended and holds nobody back.
	mark    atomic.Int64
	waits   atomic.Bool
	arrived event.Time // the last published, for the owner alone
}

func (h *Horizon) join(w *exchange.Waker, drift time.Duration) *member {
	m := &member{group: h, waker: w, drift: drift, arrived: event.MinTime}
	m.mark.Store(int64(event.MinTime))
	h.members = append(h.members, m)
	return m
}

// lowest is the watermark of the slowest member that holds others back.
func (m *member) lowest() (event.Time, bool) {
	low := event.MaxTime
	for _, o := range m.group.members {
		low = min(low, event.Time(o.mark.Load()))
	}
	return low, low != event.MaxTime
}

// publish sets the watermark of the member, and wakes those that waited for it.
func (m *member) publish(t event.Time) {
	if m == nil || t == m.arrived {
		return
	}
	m.arrived = t
	m.mark.Store(int64(t))
	if m.group.waiting.Load() == 0 {
		return
	}
	for _, o := range m.group.members {
		if o.waits.Load() && !o.ahead() {
			o.waker.Wake()
		}
	}
}

// ahead tells whether the member must wait for the slowest.
func (m *member) ahead() bool {
	low, ok := m.lowest()
	return ok && tooFar(event.Time(m.mark.Load()), low, m.drift)
}

// tooFar tells whether a source at one watermark is too far ahead of another.
func tooFar(own, lowest event.Time, drift time.Duration) bool {
	return own != event.MaxTime && own > lowest.Add(drift)
}

// arm says that the member is about to wait, unless it needs not.
func (m *member) arm() bool {
	m.group.waiting.Add(1)
	m.waits.Store(true)
	return m.ahead()
}

// disarm takes back arm.
func (m *member) disarm() {
	m.waits.Store(false)
	m.group.waiting.Add(-1)
}
