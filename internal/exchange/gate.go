package exchange

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/credit"
)

// Gate is the receiving end of a task: all of its channels, their credit, and
// the merged watermark. It belongs to the task's goroutine.
type Gate struct {
	channels   []*Channel
	ledger     *credit.Gate
	watermarks []event.Time
	merged     event.Time
	idle       []bool // channels that hold no watermark back
	resting    bool   // all that have not ended are idle
	ended      []bool
	open       int // channels that have not ended
	next       int // where the round starts
	current    int // the channel whose slot is held, -1 if none
	starved    bool
	positions  []uint64 // bytes consumed per channel
	blocked    []bool   // nothing is taken from them
	heard      []*announcement
	_          pad
	called     atomic.Bool // a barrier was announced, set by producers
}

// NewGate joins channels; at most pool bytes will be in flight on them.
func NewGate(cfg credit.Config, channels []*Channel) *Gate {
	g := &Gate{channels: channels, ledger: credit.NewGate(cfg, len(channels)), merged: event.MinTime, open: len(channels), current: -1}
	g.watermarks = make([]event.Time, len(channels))
	g.idle = make([]bool, len(channels))
	g.ended = make([]bool, len(channels))
	g.positions = make([]uint64, len(channels))
	g.blocked = make([]bool, len(channels))
	g.heard = make([]*announcement, len(channels))
	for i, c := range channels {
		g.watermarks[i] = event.MinTime
		c.bound = g.ledger.Ceiling()
		c.grant(g.ledger.Limit(i), g.ledger.Window(i))
		c.gate = g
	}
	return g
}

// Input is what a gate yields: a batch, a step of the merged watermark after
// it, or both. Channel is an index for messages.
type Input struct {
	Batch event.Batch
	Bytes int64
	Port  int
	// Watermark is the merged watermark that holds once the batch has been
	// processed; Advanced tells whether it moved.
	Watermark event.Time
	Advanced  bool
	// Channel is the index of the channel.
	Channel int
	// Markers come after the batch and before the watermark.
	Markers *Rider
	// Barrier, if it is not nil, comes after all that, and Ended tells that the
	// channel has ended.
	Barrier *event.Barrier
	Ended   bool
	// Idle tells whether every input is idle after the batch; Turned whether
	// that is new.
	Idle, Turned bool
}

// Next returns the next input in turn, or false when no channel has any. The
// batch is the caller's to change until Release. Ended channels are consumed
// here.
func (g *Gate) Next() (Input, bool, error) {
	n := len(g.channels)
	for k := range n {
		i := g.next + k
		if i >= n {
			i -= n
		}
		c := g.channels[i]
		if g.blocked[i] {
			continue
		}
		s := c.peek()
		if s == nil {
			if c.asking.Load() != 0 && c.pWaits.Load() != 0 {
				if err := g.answer(i); err != nil {
					return Input{}, false, err
				}
			}
			continue
		}
		g.next = i + 1
		if g.next == n {
			g.next = 0
		}
		in := Input{Port: c.Port, Channel: i, Markers: s.riders, Barrier: s.barrier, Ended: s.end}
		wm := s.watermark
		if s.end {
			g.ended[i] = true
			g.open--
			wm = event.MaxTime
		}
		rested := g.resting
		if wm > g.watermarks[i] || s.idle != g.idle[i] {
			in.Advanced = g.advance(i, wm, s.idle)
		}
		in.Watermark, in.Idle, in.Turned = g.merged, g.resting, g.resting != rested
		g.current = i
		if s.batch != nil {
			in.Batch, in.Bytes = s.batch, s.bytes
		}
		return in, true, nil
	}
	return Input{}, false, nil
}

// advance sets a channel's watermark and whether it is idle, merges, and tells
// whether the merged watermark moved. It is the minimum of the channels that are
// not idle; when all are, that of the one that has come furthest, as if the
// others had become idle before it. It never goes back.
func (g *Gate) advance(i int, wm event.Time, idle bool) bool {
	old, rested := g.watermarks[i], g.idle[i]
	g.watermarks[i], g.idle[i] = max(old, wm), idle
	if !rested && !idle && old > g.merged {
		return false // another channel holds the minimum
	}
	lowest, furthest, active, resting := event.MaxTime, event.MinTime, false, false
	for k, w := range g.watermarks {
		switch {
		case w == event.MaxTime: // has ended, or is about to
		case g.idle[k]:
			furthest, resting = max(furthest, w), true
		default:
			lowest, active = min(lowest, w), true
		}
	}
	g.resting = resting && !active
	if g.resting {
		lowest = furthest
	}
	moved := lowest > g.merged
	g.merged = max(g.merged, lowest)
	return moved
}

// Release gives the slot of the last input back, and with it credit.
func (g *Gate) Release() error {
	i := g.current
	g.current = -1
	c := g.channels[i]
	s := &c.slots[c.cHead&c.mask]
	if s.batch != nil {
		s.batch.Reset()
		c.taken++
	}
	limit, err := g.ledger.Consumed(i, s.bytes)
	if err != nil {
		return err
	}
	g.positions[i] += uint64(s.bytes)
	c.release(g.positions[i], limit, g.ledger.Window(i))
	if c.asking.Load() != 0 {
		if err := g.answer(i); err != nil {
			return err
		}
	}
	if g.starved {
		return g.feed()
	}
	return nil
}

// answer takes the announcement of a sender that has no credit for its batch.
func (g *Gate) answer(i int) error {
	c := g.channels[i]
	asked := c.asking.Load()
	if asked == 0 {
		return nil
	}
	inFlight := int64(c.sent.Load() - g.positions[i])
	limit, err := g.ledger.Demand(i, inFlight, asked)
	if err != nil {
		return fmt.Errorf("%w: raise the memory for records in flight, or make records smaller", err)
	}
	if g.ledger.Starved(i) {
		g.starved = true
	}
	c.grant(limit, g.ledger.Window(i))
	if limit >= c.sent.Load()+uint64(asked) && c.drained(g.positions[i]) {
		c.wakeProducer()
	}
	return nil
}

// feed repeats the demands of senders that wait for memory of their neighbours.
func (g *Gate) feed() error {
	g.starved = false
	for i := range g.channels {
		if g.ledger.Starved(i) {
			if err := g.answer(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// Measure adapts the windows: worked is the time since the last call that the
// task did not wait for input.
func (g *Gate) Measure(worked time.Duration) error {
	if len(g.channels) > 1 {
		for i, c := range g.channels {
			if c.asking.Load() != 0 {
				if err := g.answer(i); err != nil {
					return err
				}
				continue
			}
			if _, err := g.ledger.Demand(i, int64(c.sent.Load()-g.positions[i]), 0); err != nil {
				return err
			}
		}
	}
	g.ledger.Measure(worked)
	return nil
}

// Arm announces on every channel that the task is about to park. It reports
// true when there is something to look at after all.
func (g *Gate) Arm() bool {
	any := false
	for i, c := range g.channels {
		if !g.ended[i] && !g.blocked[i] && c.armConsumer(!g.ledger.Starved(i)) {
			any = true
		}
	}
	return any
}

// Ended tells whether every channel has ended and was consumed.
func (g *Gate) Ended() bool { return g.open == 0 && g.current < 0 }

// Resume sets the merged watermark of a gate that has had no input: that of the
// snapshot that the task is restored from.
func (g *Gate) Resume(wm event.Time) { g.merged = wm }

// Watermark is the merged watermark.
func (g *Gate) Watermark() event.Time { return g.merged }

// Check verifies the ledger, and that senders kept to it.
func (g *Gate) Check() error {
	if err := g.ledger.Check(); err != nil {
		return err
	}
	for i, c := range g.channels {
		if sent, limit := c.sent.Load(), g.ledger.Limit(i); sent > limit {
			return fmt.Errorf("credit: channel %d has sent %d bytes beyond its limit %d", i, sent-limit, limit)
		}
	}
	return nil
}
