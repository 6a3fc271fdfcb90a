package exchange

import "github.com/affluxdev/afflux/internal/metric"

// Marker travels with the records, to measure how long they take. It never
// overtakes those of its channel, takes no credit, and belongs to no checkpoint.
type Marker struct {
	// Source is the number of the node that sent it.
	Source int
	// At is when that had read the records which the marker follows, by the clock
	// of the tasks.
	At int64
	// Trace is nil for a marker that is not traced.
	Trace metric.Trace
}

// Rider is a marker on a slot. Those of one slot are a list.
type Rider struct {
	Marker
	// Queued is when the sender passed it on, and InFlight how many bytes were on
	// the way when its slot was published; of traced markers only.
	Queued   int64
	InFlight int64
	Next     *Rider
}

// maxRiders is the most markers that wait for one slot.
const maxRiders = 16

// Mark passes a marker on to one of the receivers, drawn at random, at now. It
// rides behind the records that are open, and leaves with them. It reports false
// when too many wait already; then it is dropped.
func (o *Output) Mark(m Marker, now int64) bool {
	d := o.draw(len(o.channels))
	r := &o.riders[d]
	for n := 0; *r != nil; n++ {
		if n == maxRiders-1 {
			return false
		}
		r = &(*r).Next
	}
	*r = &Rider{Marker: m, Queued: now}
	o.dirty = true
	return true
}

// draw is a random number below n. Which ones are drawn is the same in each run.
func (o *Output) draw(n int) int {
	if n == 1 {
		return 0
	}
	o.drawn += 0x9e3779b97f4a7c15
	z := o.drawn
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(n))
}

// board takes the markers that wait for the next slot of a channel.
func (o *Output) board(d int) *Rider {
	first := o.riders[d]
	if first == nil {
		return nil
	}
	o.riders[d] = nil
	c := o.channels[d]
	inFlight := int64(c.ledger.Sent() - c.consumed.Load())
	for r := first; r != nil; r = r.Next {
		r.InFlight = inFlight
	}
	return first
}
