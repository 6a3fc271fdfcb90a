package credit

import (
	"fmt"
	"time"
)

// Config sets the bounds of one gate: a receiver with its channels.
type Config struct {
	// Floor is the part of the pool that belongs to each channel alone, in
	// bytes: no neighbour can take it, so none starves and no cycle of waits
	// exists.
	Floor int64
	// Floating is the part that is shared by backlog, in bytes.
	Floating int64
	// Reserve is kept for a batch that is larger than the rest allows; one
	// channel at a time has it, in bytes. A sender that waits with such a
	// batch always gets it in the end, whatever its neighbours hold.
	Reserve int64
	// Ceiling is the largest window of a channel in bytes, but for a single
	// batch that is larger.
	Ceiling int64
	// Min is the smallest window in bytes, about two records.
	Min int64
	// Start is the window before anything is measured.
	Start int64
	// Target is how much work, in time at the receiver, may be in flight on a
	// channel. 0 turns the bound in time off.
	Target time.Duration
}

// Pool is the memory of a gate with n channels: the bound of what is in flight.
func (c Config) Pool(n int) int64 { return int64(n)*c.Floor + c.Floating + c.Reserve }

// Largest is the largest batch that can ever be sent.
func (c Config) Largest() int64 { return c.Floor + c.Reserve }

// Gate is the ledger of a receiver: it grants credit to its channels so that
// the bytes outstanding never exceed the pool.
type Gate struct {
	cfg      Config
	channels []channel
	floating int64 // bytes of Floating that are granted and not consumed
	demand   int64 // sum over channels
	holder   int   // the channel that has the reserve, -1 if none
}

type channel struct {
	consumed, limit uint64
	demand          int64 // sender's backlog: sent and not consumed, and waiting to be sent
	window          int64 // by time
	since           int64 // bytes consumed since the last Measure
	measured        bool
	reserved        int64 // bytes of the reserve that are granted and not consumed
	starved         bool  // the sender waits for the reserve
	held            bool  // nothing is consumed for now
	lent            bool  // its reserve is one more, since it was held when another needed it
}

// NewGate returns the ledger of a receiver with n channels, each granted its
// starting window.
func NewGate(cfg Config, n int) *Gate {
	cfg.Min = max(1, min(cfg.Min, cfg.Floor))
	cfg.Ceiling = min(max(cfg.Ceiling, cfg.Min), cfg.Floor+cfg.Floating)
	if cfg.Start <= 0 || cfg.Target <= 0 {
		cfg.Start = cfg.Ceiling
	}
	cfg.Start = min(max(cfg.Start, cfg.Min), cfg.Ceiling)
	g := &Gate{cfg: cfg, channels: make([]channel, n), holder: -1}
	for i := range g.channels {
		g.channels[i].window = cfg.Start
		g.grant(i)
	}
	return g
}

// Limit is the position up to which channel i may send.
func (g *Gate) Limit(i int) uint64 { return g.channels[i].limit }

// Window is how many bytes channel i may have in flight as of now.
func (g *Gate) Window(i int) int64 {
	c := &g.channels[i]
	return min(c.window, g.share(c))
}

// Outstanding is what channel i was granted and has not had consumed.
func (g *Gate) Outstanding(i int) int64 { return g.channels[i].outstanding() }

func (c *channel) outstanding() int64 { return int64(c.limit - c.consumed) }

// Consumed records that n bytes of channel i were processed and their memory
// is free again, and returns the new limit to announce.
func (g *Gate) Consumed(i int, n int64) (uint64, error) {
	c := &g.channels[i]
	if n < 0 || n > c.outstanding() {
		return c.limit, fmt.Errorf("credit: channel %d consumed %d bytes of %d granted", i, n, c.outstanding())
	}
	g.floating -= g.over(c)
	c.consumed += uint64(n)
	c.since += n
	if c.reserved > 0 {
		c.reserved = min(c.reserved, max(0, c.outstanding()-g.cfg.Floor))
		if c.reserved == 0 {
			c.lent = false
			if g.holder == i {
				g.holder = -1
			}
		}
	}
	g.floating += g.over(c)
	g.grant(i)
	return c.limit, nil
}

// Ceiling is the largest window of a channel, in bytes: more is in flight on it
// only while that is a single batch.
func (g *Gate) Ceiling() int64 { return g.cfg.Ceiling }

// Demand takes a sender's announcement: inFlight bytes are sent and not
// consumed, waiting bytes are a batch that it cannot send. A batch larger than
// the window is let through alone once nothing else is in flight on its
// channel. It returns the new limit to announce, and an error when the batch
// can never be sent.
func (g *Gate) Demand(i int, inFlight, waiting int64) (uint64, error) {
	c := &g.channels[i]
	g.demand += inFlight + waiting - c.demand
	c.demand = inFlight + waiting
	if waiting > g.cfg.Largest() {
		return c.limit, fmt.Errorf("a batch of %d bytes is larger than the %d bytes that a channel can ever hold", waiting, g.cfg.Largest())
	}
	g.grant(i)
	c.starved = false
	if inFlight == 0 && waiting > c.outstanding() {
		g.extend(c, waiting)
		if lack := waiting - c.outstanding(); lack > 0 && g.lendable(i) {
			if g.holder >= 0 && g.holder != i {
				g.channels[g.holder].lent = true
			}
			g.holder = i
			c.reserved += lack
			c.limit += uint64(lack)
		}
		c.starved = waiting > c.outstanding()
	}
	return c.limit, nil
}

// Hold says that nothing is consumed of channel i for now, since its barrier has
// come and others are awaited, or that it is again. A channel that is held never
// keeps others from the reserve, since they might be what it waits for: a gate
// may have given out one reserve more for each channel that is held.
func (g *Gate) Hold(i int, held bool) { g.channels[i].held = held }

// lendable tells whether channel i may have the reserve.
func (g *Gate) lendable(i int) bool {
	return g.holder < 0 || g.holder == i || g.channels[g.holder].held && !g.channels[i].held
}

// Starved tells whether the sender of channel i waits for the reserve that a
// neighbour holds: Demand must be repeated when that one has consumed.
func (g *Gate) Starved(i int) bool { return g.channels[i].starved }

// Measure sets the windows by time: worked is how long the receiver has been
// at it (working or itself blocked, but not waiting for input) since the last
// Measure. A spell without input measures nothing and shrinks nothing. The
// new windows take effect with the next Consumed of each channel.
func (g *Gate) Measure(worked time.Duration) {
	if g.cfg.Target <= 0 || worked <= 0 {
		return
	}
	var total int64
	for i := range g.channels {
		total += g.channels[i].since
	}
	if total == 0 {
		return
	}
	scale := float64(g.cfg.Target) / float64(worked)
	for i := range g.channels {
		c := &g.channels[i]
		if c.since == 0 {
			continue
		}
		// The channels share the receiver's time, so a channel's part of the
		// work in flight is its part of the bytes.
		w := int64(float64(c.since) * scale)
		if c.measured {
			// Follow half way, so that one odd batch moves little.
			w = (c.window + w) / 2
		}
		c.window = min(max(w, g.cfg.Min), g.cfg.Ceiling)
		c.measured = true
		c.since = 0
	}
}

// share is what channel c may have of the pool: its floor and a part of the
// floating bytes by its part of the backlog.
func (g *Gate) share(c *channel) int64 {
	if g.demand <= 0 || len(g.channels) == 1 {
		return g.cfg.Floor + g.cfg.Floating
	}
	part := float64(c.demand) / float64(g.demand)
	return g.cfg.Floor + int64(part*float64(g.cfg.Floating))
}

// over is how much of the floating bytes a channel holds.
func (g *Gate) over(c *channel) int64 { return max(0, c.outstanding()-g.cfg.Floor-c.reserved) }

// grant raises the limit of channel i to its window. The holder of the reserve
// gets nothing on top: it would keep the reserve as credit that it may never
// use, while a neighbour waits for it.
func (g *Gate) grant(i int) {
	c := &g.channels[i]
	if c.reserved > 0 {
		return
	}
	g.extend(c, min(c.window, g.share(c)))
}

// extend raises the limit of c so that want bytes are outstanding, as far as
// the pool allows. A limit never goes back: a smaller window takes effect as
// bytes are consumed.
func (g *Gate) extend(c *channel, want int64) {
	free := g.cfg.Floating - (g.floating - g.over(c))
	want = min(want, g.cfg.Floor+free+c.reserved)
	if want <= c.outstanding() {
		return
	}
	g.floating -= g.over(c)
	c.limit = c.consumed + uint64(want)
	g.floating += g.over(c)
}

// Check verifies the invariants of the ledger, for tests and the watchdog.
func (g *Gate) Check() error {
	var floating, outstanding, reserved, lent int64
	for i := range g.channels {
		c := &g.channels[i]
		if c.limit < c.consumed {
			return fmt.Errorf("credit: channel %d has consumed %d bytes beyond its limit %d", i, c.consumed, c.limit)
		}
		floating += g.over(c)
		outstanding += c.outstanding()
		if c.lent {
			lent += c.reserved
			if c.reserved > g.cfg.Reserve || g.holder == i {
				return fmt.Errorf("credit: channel %d holds %d bytes of a reserve of %d that was lent", i, c.reserved, g.cfg.Reserve)
			}
			continue
		}
		reserved += c.reserved
		if c.reserved > 0 && g.holder != i {
			return fmt.Errorf("credit: channel %d holds the reserve of channel %d", i, g.holder)
		}
	}
	switch pool := g.cfg.Pool(len(g.channels)); {
	case floating != g.floating:
		return fmt.Errorf("credit: %d floating bytes are held, the ledger says %d", floating, g.floating)
	case floating > g.cfg.Floating:
		return fmt.Errorf("credit: %d floating bytes are held of %d", floating, g.cfg.Floating)
	case reserved > g.cfg.Reserve:
		return fmt.Errorf("credit: %d bytes of the reserve are held of %d", reserved, g.cfg.Reserve)
	case outstanding > pool+lent:
		return fmt.Errorf("credit: %d bytes are outstanding of a pool of %d and %d lent", outstanding, pool, lent)
	}
	return nil
}
