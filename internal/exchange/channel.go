package exchange

import (
	"sync/atomic"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/credit"
)

// pad keeps what two processors write on different cache lines (128 bytes:
// the adjacent-line prefetcher works on pairs).
type pad [128]byte

// slot is one entry of the ring. The watermark, the idleness and the end of the
// stream ride on it, in their place among the data; a slot without a batch is
// control only and needs no credit.
type slot struct {
	batch     event.Batch
	bytes     int64
	watermark event.Time
	idle, end bool
	riders    *Rider         // behind the batch
	barrier   *event.Barrier // behind all else in the slot
}

// Channel is one arrow between two tasks: a ring of batch slots with one
// producer and one consumer, bounded in bytes by credit. Methods are marked
// with who may call them.
type Channel struct {
	slots []slot
	mask  uint64
	// From and To are subtask indexes; Port is the input of the receiver.
	From, To, Port int
	// Edge is the sender's index of the output that the channel belongs to.
	Edge int
	// Plan is the number of that edge in the plan.
	Plan int

	_ pad
	// Written by the producer.
	tail     atomic.Uint64
	sent     atomic.Uint64 // bytes
	asking   atomic.Int64  // bytes of a batch that has no credit, 0 if none
	pTail    uint64
	pHead    uint64 // the producer's copy of head
	pReclaim uint64 // slots below are reclaimed
	idle     bool   // rides on the next slot: no records are to come for now
	ledger   credit.Sender
	given    uint64  // batches that were published
	aside    []aside // what could not be sent when a barrier had to get through
	// Blocked is the time that the producer waited here, nanoseconds.
	Blocked atomic.Int64

	_ pad
	// Written by the consumer.
	head     atomic.Uint64
	consumed atomic.Uint64 // bytes
	limit    atomic.Uint64 // the announced credit
	window   atomic.Int64
	cHead    uint64
	cTail    uint64 // the consumer's copy of tail
	taken    uint64 // batches that were consumed

	_        pad
	pWaits   atomic.Uint32 // the producer is parked, or about to
	cWaits   atomic.Uint32
	producer *Waker
	consumer *Waker
	bound    int64
	gate     *Gate // of the consumer

	held      atomic.Bool                  // nothing is taken: its barrier has come, others have not
	announced atomic.Pointer[announcement] // the last one, by the producer
}

// NewChannel returns a ring with at least that many slots.
func NewChannel(slots int, producer, consumer *Waker) *Channel {
	n := 2
	for n < slots {
		n *= 2
	}
	return &Channel{slots: make([]slot, n), mask: uint64(n - 1), producer: producer, consumer: consumer}
}

// hasSlot tells the producer whether a slot is free for records. One more is
// kept free, so that a barrier need not wait for them.
func (c *Channel) hasSlot() bool { return c.free(1) }

// hasAnySlot tells the producer whether a slot is free for a barrier.
func (c *Channel) hasAnySlot() bool { return c.free(0) }

// free tells whether more slots are free than those to be left.
func (c *Channel) free(leave uint64) bool {
	if c.pTail-c.pHead+leave <= c.mask {
		return true
	}
	c.pHead = c.head.Load()
	return c.pTail-c.pHead+leave <= c.mask
}

// hasCredit tells the producer whether n bytes may be sent.
func (c *Channel) hasCredit(n int64) bool {
	if n <= c.ledger.Available() {
		return true
	}
	c.ledger.Grant(c.limit.Load())
	return n <= c.ledger.Available()
}

// ready tells the producer whether a batch of n bytes can be published.
func (c *Channel) ready(n int64) bool { return c.hasSlot() && c.hasCredit(n) }

// Arm announces that the producer is about to wait for n bytes. It reports
// true when that is not needed any more. The producer only.
func (c *Channel) Arm(n int64) bool {
	c.pWaits.Store(1)
	c.asking.Store(n)
	if c.ready(n) {
		c.disarm()
		return true
	}
	if n > 0 && c.head.Load() == c.pTail {
		c.consumer.Wake() // nothing in flight: the receiver must look at what is asked
	}
	return false
}

func (c *Channel) disarm() {
	c.pWaits.Store(0)
	c.asking.Store(0)
}

// publish hands a batch of n bytes over, and markers behind it; the producer has
// checked ready(n).
func (c *Channel) publish(b event.Batch, n int64, wm event.Time, riders *Rider, end bool) error {
	return c.publishSlot(slot{batch: b, bytes: n, watermark: wm, idle: c.idle, riders: riders, end: end})
}

func (c *Channel) publishSlot(s slot) error {
	if err := c.ledger.Send(s.bytes); err != nil {
		return err
	}
	c.slots[c.pTail&c.mask] = s
	if s.batch != nil {
		c.given++
	}
	c.pTail++
	c.sent.Store(c.ledger.Sent())
	c.tail.Store(c.pTail)
	if c.cWaits.Load() != 0 && c.cWaits.Swap(0) != 0 {
		c.consumer.Wake()
	}
	return nil
}

// reclaim returns a container that the consumer has given back, or nil.
func (c *Channel) reclaim() event.Batch {
	for c.pReclaim < c.pHead {
		s := &c.slots[c.pReclaim&c.mask]
		c.pReclaim++
		if b := s.batch; b != nil {
			s.batch = nil
			return b
		}
	}
	if h := c.head.Load(); h != c.pHead {
		c.pHead = h
		return c.reclaim()
	}
	return nil
}

// OpenLimit is the size in bytes at which the producer should send a batch
// off: half of the window, so that one batch fills while another is worked on. It
// is less where the window is small because the receiver is slow: what is open, and
// what is being worked on, would come on top of the work that may be in flight.
func (c *Channel) OpenLimit(batch int64) int64 {
	w := c.window.Load()
	part := w / 2
	if 4*w < c.bound {
		part = w / 8
	}
	return min(batch, max(part, 1))
}

// peek returns the next slot for the consumer, or nil.
func (c *Channel) peek() *slot {
	if c.cHead == c.cTail {
		c.cTail = c.tail.Load()
		if c.cHead == c.cTail {
			return nil
		}
	}
	return &c.slots[c.cHead&c.mask]
}

// armConsumer announces that the consumer is about to wait. It reports true
// when there is something to look at: a slot, or, if questions is set, a sender
// that asks for credit with nothing in flight.
func (c *Channel) armConsumer(questions bool) bool {
	c.cWaits.Store(1)
	if t := c.tail.Load(); t != c.cHead {
		return true
	}
	return questions && c.asking.Load() != 0 && c.pWaits.Load() != 0
}

// release frees the slot and announces the credit.
func (c *Channel) release(consumed, limit uint64, window int64) {
	c.cHead++
	c.consumed.Store(consumed)
	c.grant(limit, window)
	c.head.Store(c.cHead)
	if c.pWaits.Load() != 0 && c.drained(consumed) {
		c.wakeProducer()
	}
}

// drained tells the consumer whether a waiting producer is worth a wake-up:
// half of the window is free. Woken for every batch, the two would take turns
// and park each time. What is in flight beyond that is consumed in any case, so
// the producer is woken in the end.
func (c *Channel) drained(consumed uint64) bool {
	return 2*int64(c.sent.Load()-consumed) <= c.window.Load()
}

func (c *Channel) grant(limit uint64, window int64) {
	if c.limit.Load() != limit {
		c.limit.Store(limit)
	}
	if c.window.Load() != window {
		c.window.Store(window)
	}
}

func (c *Channel) wakeProducer() {
	if c.pWaits.Load() != 0 && c.pWaits.Swap(0) != 0 {
		c.producer.Wake()
	}
}

// Held tells whether the receiver takes nothing, since it awaits the barriers of
// other channels. Any goroutine may ask.
func (c *Channel) Held() bool { return c.held.Load() }

// State is what a channel holds now. Any goroutine may ask.
type State struct{ InFlight, Window, Bound, Sent int64 }

// State reads the counters of both ends; consumed first, so that what is in
// flight is never counted below zero.
func (c *Channel) State() State {
	consumed := c.consumed.Load()
	sent := c.sent.Load()
	return State{InFlight: int64(sent - consumed), Window: int64(c.limit.Load() - consumed), Bound: c.bound, Sent: int64(sent)}
}
