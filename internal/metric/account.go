package metric

import (
	"math"
	"sync/atomic"
	"time"
)

// Account splits the wall time of one task exactly: what is neither idle nor
// blocked is busy. The clock is read only when the task is about to wait and
// when it goes on, so a task that never waits pays nothing. The task's
// goroutine writes; any goroutine may read.
type Account struct {
	start   atomic.Int64 // when the task started, 0 before
	end     atomic.Int64 // when it ended, 0 before
	idle    atomic.Int64
	blocked []atomic.Int64 // per outgoing edge
	// waiting is the wait in progress: its kind and when it began, so that a
	// snapshot in the middle of a long wait is right.
	seq     atomic.Uint64 // odd while waiting changes
	kind    atomic.Int32
	since   atomic.Int64
	outside atomic.Int64
}

// Wait is what a task waits for: the index of an edge, or one of these.
type Wait int32

const (
	// ForNothing: the task runs.
	ForNothing Wait = -1
	// ForInput: the task is idle.
	ForInput Wait = -2
	// ForOutside: an outside system presses.
	ForOutside Wait = -3
)

// NewAccount returns the account of a task with that many outgoing edges.
func NewAccount(edges int) *Account {
	a := &Account{blocked: make([]atomic.Int64, edges)}
	a.kind.Store(int32(ForNothing))
	return a
}

// Start begins the account at now, nanoseconds of a monotonic clock.
func (a *Account) Start(now int64) { a.start.Store(now) }

// Stop ends it.
func (a *Account) Stop(now int64) { a.end.Store(now) }

// BeginIdle marks the start of a wait for input.
func (a *Account) BeginIdle(now int64) { a.begin(int32(ForInput), now) }

// BeginBlocked marks the start of a wait for credit on the outgoing edge with
// this index.
func (a *Account) BeginBlocked(edge int, now int64) { a.begin(int32(edge), now) }

// BeginOutside marks the start of a wait for an outside system.
func (a *Account) BeginOutside(now int64) { a.begin(int32(ForOutside), now) }

func (a *Account) begin(kind int32, now int64) {
	a.seq.Add(1)
	a.since.Store(now)
	a.kind.Store(kind)
	a.seq.Add(1)
}

// End closes the wait in progress.
func (a *Account) End(now int64) {
	kind, d := a.kind.Load(), now-a.since.Load()
	a.seq.Add(1)
	a.kind.Store(int32(ForNothing))
	switch {
	case Wait(kind) == ForInput:
		a.idle.Add(d)
	case Wait(kind) == ForOutside:
		a.outside.Add(d)
	case kind >= 0:
		a.blocked[kind].Add(d)
	}
	a.seq.Add(1)
}

// Waiting is what the task waits for now, and since when. Each is right by
// itself; together they are approximate while the task runs.
func (a *Account) Waiting() (w Wait, since int64) {
	w = Wait(a.kind.Load())
	return w, a.since.Load()
}

// Worked is the time up to now that the task neither waited for input nor for
// credit nor for an outside system. Only the task may ask, while it runs.
func (a *Account) Worked(now int64) int64 {
	work := now - a.start.Load() - a.idle.Load() - a.outside.Load()
	for i := range a.blocked {
		work -= a.blocked[i].Load()
	}
	return work
}

// Times is an account read at one instant.
type Times struct {
	At                                 int64 // the instant, by the clock of the account
	Wall, Busy, Idle, Blocked, Outside time.Duration
	Edges                              []time.Duration
}

// Read returns the times up to now, the wait in progress included. Busy
// includes Outside.
func (a *Account) Read(now int64) Times {
	t := Times{Edges: make([]time.Duration, len(a.blocked))}
	start := a.start.Load()
	if start == 0 {
		return t
	}
	for {
		seq := a.seq.Load()
		if seq&1 != 0 {
			continue
		}
		kind, since := a.kind.Load(), a.since.Load()
		t.Idle, t.Outside = time.Duration(a.idle.Load()), time.Duration(a.outside.Load())
		for i := range a.blocked {
			t.Edges[i] = time.Duration(a.blocked[i].Load())
		}
		if a.seq.Load() != seq {
			continue
		}
		if end := a.end.Load(); end != 0 {
			now = end
		}
		now = max(now, since, start)
		switch d := time.Duration(now - since); {
		case Wait(kind) == ForInput:
			t.Idle += d
		case Wait(kind) == ForOutside:
			t.Outside += d
		case kind >= 0:
			t.Edges[kind] += d
		}
		break
	}
	for _, d := range t.Edges {
		t.Blocked += d
	}
	t.At, t.Wall = now, time.Duration(now-start)
	t.Busy = t.Wall - t.Idle - t.Blocked
	return t
}

// Fill writes the subtask's part of a snapshot: its operator's counters, the
// time of its task, and the operator's share of it.
func Fill(s *Subtask, c *OperatorCounters, t Times) {
	c.fill(s)
	s.External = c.waited(t.At)
	s.Wall, s.Busy, s.Idle, s.Blocked = t.Wall, t.Busy, t.Idle, t.Blocked
	s.Own = c.worked(t.Busy-t.Outside) + s.External
}

// waited is the time that the operator waited for an outside system, the wait
// in progress included.
func (c *OperatorCounters) waited(now int64) time.Duration {
	for {
		sum := c.External.Load()
		since := c.WaitsSince.Load()
		if c.External.Load() != sum {
			continue // a wait has just ended: it would count twice
		}
		if since > 0 {
			sum += max(now-since, 0)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.external = max(c.external, time.Duration(sum))
		return c.external
	}
}

// worked is the operator's part of the working time of its chain. What was not
// sampled yet is divided as it was of late.
func (c *OperatorCounters) worked(chain time.Duration) time.Duration {
	own := chain
	if sampled := c.Sampled.Load(); sampled > 0 {
		rest := float64(max(int64(chain)-sampled, 0))
		own = time.Duration(c.Own.Load()) + time.Duration(rest*math.Float64frombits(c.Share.Load()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = max(c.own, own)
	return c.own
}
