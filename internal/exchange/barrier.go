package exchange

import "github.com/affluxdev/afflux/event"

// announcement tells the receiver of a barrier before it comes to the head of
// the ring.
type announcement struct {
	barrier *event.Barrier
	// behind is the number of slots that were published before the sender took
	// its snapshot, and given that of the batches in them. What comes between them
	// and the barrier, the sender has kept.
	behind, given uint64
}

// announce is called by the producer, before the barrier is published.
func (c *Channel) announce(b *event.Barrier) {
	c.announced.Store(&announcement{b, c.pTail, c.given})
	if g := c.gate; g != nil {
		g.called.Store(true)
	}
	c.consumer.Wake()
}

// Kept is a batch that lies before a barrier and that had not been sent when the
// barrier was passed on. It is valid until the output is used again.
type Kept struct {
	Channel *Channel
	Batch   event.Batch
}

// Barrier passes a barrier on, behind all that was emitted and ahead of all that
// will be. It does not wait for credit: what cannot be sent is set aside, the
// barrier behind it, and follows as soon as there is credit. Of a barrier that may
// overtake records it is also returned.
func (o *Output) Barrier(b *event.Barrier) (kept []Kept) {
	_, overtakes := b.Overtakes()
	for d, c := range o.channels {
		if n := o.openBytes(d); n > 0 {
			if len(c.aside) == 0 && c.ready(n) {
				o.sendOpen(d)
			} else {
				o.setAside(d)
			}
		}
		if overtakes {
			for _, a := range c.aside {
				if a.slot.batch != nil {
					kept = append(kept, Kept{c, a.slot.batch})
				}
			}
			c.announce(b)
		}
		if len(c.aside) == 0 && c.hasAnySlot() {
			o.publishBarrier(d, b)
		} else {
			c.aside = append(c.aside, aside{slot{watermark: o.watermark, idle: o.idle, riders: o.board(d), barrier: b}})
			o.asides++
			o.announced[d], o.dirty = o.watermark, true
		}
	}
	return kept
}

func (o *Output) publishBarrier(d int, b *event.Barrier) {
	c := o.channels[d]
	c.reclaimAll(o)
	o.announced[d], c.idle = o.watermark, o.idle
	if err := c.publishSlot(slot{watermark: o.watermark, idle: o.idle, riders: o.board(d), barrier: b}); err != nil {
		o.host.Failed(err)
	}
}

// aside is a slot that could not be published in its turn, when a barrier had to
// get through: the sender keeps it.
type aside struct{ slot slot }

// setAside moves the open batch of a destination behind what is set aside.
func (o *Output) setAside(d int) {
	c := o.channels[d]
	size := o.openBytes(d)
	b := o.container(d)
	if o.direct != nil {
		b.Swap(o.direct)
	} else {
		o.open.Limit(d, c.OpenLimit(o.cfg.Batch))
		o.open.Take(d, b)
	}
	o.Bytes += size
	o.asides++
	o.asideBytes += size
	o.announced[d] = o.watermark
	c.aside = append(c.aside, aside{slot{batch: b, bytes: size, watermark: o.watermark, idle: o.idle, riders: o.board(d)}})
}

// Asides is how many batches and barriers are set aside.
func (o *Output) Asides() int { return o.asides }

// Settle sends what was set aside, ahead of all else. It waits for credit, unless
// a barrier has to get through. A task calls it before it takes new input: so it is
// between two batches when the next barrier comes.
func (o *Output) Settle() {
	if o.asides > 0 {
		for _, c := range o.channels {
			if !o.drain(c, true) {
				return
			}
		}
	}
}

// drain publishes what a channel's sender has set aside. It waits for credit if
// wait is set, unless a barrier has to get through. It tells whether nothing is
// left.
func (o *Output) drain(c *Channel, wait bool) bool {
	for len(c.aside) > 0 {
		s := c.aside[0].slot
		for !(s.batch == nil && c.hasAnySlot() || c.ready(s.bytes)) {
			if !wait || o.host.WaitCredit(c, s.bytes, true) {
				c.disarm()
				return false
			}
		}
		c.disarm()
		c.reclaimAll(o)
		c.aside = c.aside[1:]
		o.asides--
		o.asideBytes -= s.bytes
		c.idle = s.idle
		if err := c.publishSlot(s); err != nil {
			o.host.Failed(err)
		}
	}
	c.aside = nil
	return true
}

// Announced calls f for each barrier that senders have announced since the last
// call and that may not have come yet. Called tells whether there is any.
func (g *Gate) Announced(f func(channel int, b *event.Barrier)) {
	g.called.Store(false)
	for i, c := range g.channels {
		if a := c.announced.Load(); a != nil && a != g.heard[i] {
			g.heard[i] = a
			f(i, a.barrier)
		}
	}
}

// Peek calls f for each barrier that Announced would tell of.
func (g *Gate) Peek(f func(b *event.Barrier)) {
	for i, c := range g.channels {
		if a := c.announced.Load(); a != nil && a != g.heard[i] {
			f(a.barrier)
		}
	}
}

// Called tells whether Announced has something to tell.
func (g *Gate) Called() bool { return g.called.Load() }

// Block takes nothing more from a channel, until Unblock.
func (g *Gate) Block(i int) error {
	g.blocked[i] = true
	g.channels[i].held.Store(true)
	g.ledger.Hold(i, true)
	return g.feed()
}

// Unblock lets a channel go on.
func (g *Gate) Unblock(i int) {
	g.blocked[i] = false
	g.channels[i].held.Store(false)
	g.ledger.Hold(i, false)
}

// Taken is how many batches of a channel were consumed.
func (g *Gate) Taken(i int) uint64 { return g.channels[i].taken }

// Overtaken calls f for the batches in a channel that lie before an announced
// barrier and that its sender has not kept, as long as f returns nil. They stay
// where they are. known is false when that barrier has not been announced on the
// channel. Of the batches that the sender kept, skip were consumed when taken
// batches were in all.
func (g *Gate) Overtaken(i int, id int64, taken uint64, f func(b event.Batch) error) (skip uint64, known bool, err error) {
	c := g.channels[i]
	a := c.announced.Load()
	if a == nil || a.barrier.ID != id {
		return 0, false, nil
	}
	for at := c.cHead; at < a.behind; at++ {
		if s := &c.slots[at&c.mask]; s.batch != nil {
			if err := f(s.batch); err != nil {
				return 0, true, err
			}
		}
	}
	return max(taken, a.given) - a.given, true, nil
}

// Kept tells whether the batch at hand is one that its sender has kept for a
// checkpoint.
func (g *Gate) Kept(i int, id int64) bool {
	c := g.channels[i]
	a := c.announced.Load()
	return a != nil && a.barrier.ID == id && c.taken >= a.given
}

// Channel is the channel with an index.
func (g *Gate) Channel(i int) *Channel { return g.channels[i] }

// Channels is their number.
func (g *Gate) Channels() int { return len(g.channels) }
