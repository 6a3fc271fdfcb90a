// Package generator makes the events of Nexmark's auction house, as Beam's Java
// generator does: every event follows from its id alone, which seeds a
// java.util.Random, so that any part of the events can be made anywhere, in any
// order, and is the same in every run.
//
// The events of nexmark/nexmark, whose bids have a channel and a URL, can be had
// too. That generator is not seeded at all; here they are as reproducible as the
// others.
package generator

import "github.com/affluxdev/afflux/bench/nexmark/schema"

// Ids begin here, as people see them.
const (
	firstPerson   = 1000
	firstAuction  = 1000
	firstCategory = 10
)

// Generator makes events. It is immutable and may be used from any goroutine.
type Generator struct {
	c     Config
	clock *clock
	block int64 // events of which each kind has its share
	share int64 // events of a timeline; the last one has the rest as well
}

// New checks a configuration and returns its generator.
func New(c Config) (*Generator, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	g := &Generator{c: c, clock: newClock(&c), block: c.Persons + c.Auctions + c.Bids, share: c.Events / c.Timelines}
	return g, nil
}

// Len is the number of events.
func (g *Generator) Len() int64 { return g.c.Events }

// At returns event i, from 0 to Len-1. Their times go up with i, unless
// OutOfOrderGroup mixes them.
func (g *Generator) At(i int64) schema.Event {
	timeline, n := i%g.c.Timelines, i/g.c.Timelines
	if n >= g.share { // only the last timeline is this long
		timeline, n = g.c.Timelines-1, i-g.share*(g.c.Timelines-1)
	}
	return g.event(timeline*g.share, n)
}

// Seq yields all events in the order of At.
func (g *Generator) Seq(yield func(schema.Event) bool) {
	for i := range g.Len() {
		if !yield(g.At(i)) {
			return
		}
	}
}

// event makes event n of the timeline whose ids begin at first.
func (g *Generator) event(first, n int64) schema.Event {
	group := g.c.OutOfOrderGroup
	n = n/group*group + n*953%group // 953 is prime: a permutation of most groups
	id := first + n
	seed := id
	if g.c.Independent {
		seed = scatter(id)
	}
	d := draw{g: g, r: NewRandom(seed), id: id, n: n, now: g.clock.at(n)}
	switch k := id % g.block; {
	case k < g.c.Persons:
		return schema.Event{Person: d.person()}
	case k < g.c.Persons+g.c.Auctions:
		return schema.Event{Auction: d.auction()}
	default:
		return schema.Event{Bid: d.bid()}
	}
}

// scatter mixes the bits of an id: the finalizer of SplitMix64.
func scatter(id int64) int64 {
	z := uint64(id) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int64(z ^ z>>31)
}

// draw is one event in the making. The order in which its methods ask for
// random numbers is part of the behaviour.
type draw struct {
	g     *Generator
	r     *Random
	id, n int64 // the id of the event, and its number in its timeline
	now   int64
}

// lastPerson is the newest person as of this event, counted from 0; the one in
// the making if it is a person.
func (d *draw) lastPerson() int64 {
	c := &d.g.c
	return d.id/d.g.block*c.Persons + min(d.id%d.g.block, c.Persons-1)
}

// lastAuction is the newest auction as of this event, counted from 0. Before
// the first one it is -1.
func (d *draw) lastAuction() int64 {
	c := &d.g.c
	inBlock := min(d.id%d.g.block-c.Persons, c.Auctions-1)
	return d.id/d.g.block*c.Auctions + max(inBlock, -1)
}

// below is a number from 0 to n-1, drawn as Beam draws it.
func (d *draw) below(n int64) int64 {
	if n < 1<<31-1 {
		return int64(d.r.Int32N(int32(n)))
	}
	v := d.r.Int64() % n
	return max(v, -v)
}

// lead is how many persons and auctions that do not exist yet may be named.
const lead = 10

// anyPerson is one of the active people, or of those soon to come.
func (d *draw) anyPerson() int64 {
	people := d.lastPerson() + 1
	active := min(people, d.g.c.ActivePeople)
	return people - active + d.below(active+lead)
}

// anyAuction is one that is probably open, or soon to come.
func (d *draw) anyAuction() int64 {
	last := d.lastAuction()
	least := max(last-d.g.c.InFlight, 0)
	return least + d.below(last-least+1+lead)
}

// hotEvery is how many persons or auctions there are for one hot one.
const hotEvery = 100
