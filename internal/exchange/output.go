package exchange

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// Host is what an output needs of its task.
type Host interface {
	// WaitCredit suspends the task until the channel may have room for n
	// bytes. It unwinds the goroutine if the job is cancelled. It returns true
	// instead of waiting when a barrier has to get through and hurry is set:
	// nothing more is to be waited for.
	WaitCredit(c *Channel, n int64, hurry bool) (hurried bool)
	// Failed unwinds the goroutine with an error.
	Failed(err error)
}

// Config of an output.
type Config struct {
	Partition event.Partition
	// Hasher fills the key hashes of a batch; Hash only.
	Hasher func(event.Batch)
	// Keys, if set, tracks the hottest keys; Hash only.
	Keys *metric.KeySketch
	// Router chooses destinations; Custom only.
	Router event.Router
	// Batch is the size in bytes at which an open batch is sent.
	Batch int64
	// Largest is the largest batch that the receiver can ever take.
	Largest int64
	// Overdraft is how many bytes may be kept beyond credit when a barrier has to
	// get through, 0 for none.
	Overdraft int64
}

// Output is the sending end of one edge of one subtask. It collects records in
// open batches, one for each destination, and sends a batch when it is full,
// when Flush is called, or when it is too old. It belongs to the task's
// goroutine.
type Output struct {
	cfg       Config
	typ       event.Type
	channels  []*Channel
	host      Host
	open      event.Scatter
	direct    event.Batch // Forward: the open batch of the only destination
	free      []event.Batch
	routes    routes
	watermark event.Time
	announced []event.Time // the last watermark sent on each channel
	riders    []*Rider     // markers that wait for the next slot of each channel
	drawn     uint64
	since     int64 // when the first record of the open batches came, by Age's clock
	dirty     bool
	idle      bool
	// asides is what all channels have set aside, asideBytes that of the records.
	asides     int
	asideBytes int64
	// Records and Bytes count what was sent.
	Records, Bytes int64
}

// NewOutput returns the output of an edge to the given channels.
func NewOutput(cfg Config, typ event.Type, channels []*Channel, host Host) *Output {
	o := &Output{cfg: cfg, typ: typ, channels: channels, host: host, watermark: event.MinTime}
	o.announced, o.riders = make([]event.Time, len(channels)), make([]*Rider, len(channels))
	o.drawn = uint64(channels[0].Plan)<<32 + uint64(channels[0].From)
	for i := range o.announced {
		o.announced[i] = event.MinTime
	}
	if len(channels) == 1 {
		o.cfg.Partition = event.Forward
		o.direct = typ.NewBatch(o.capacity(channels[0]))
		return o
	}
	o.open = typ.NewScatter(len(channels))
	o.routes.init(len(channels))
	for d, c := range channels {
		o.open.Limit(d, c.OpenLimit(cfg.Batch))
	}
	return o
}

// capacity is the number of records that an open batch of a channel should hold.
func (o *Output) capacity(c *Channel) int {
	return max(1, int(c.OpenLimit(o.cfg.Batch)/int64(o.typ.Size())))
}

// Emit implements operator.Output.
func (o *Output) Emit(b event.Batch) {
	n := b.Len()
	if n == 0 {
		return
	}
	o.Records += int64(n)
	o.dirty = true
	switch o.cfg.Partition {
	case event.Forward:
		if o.cfg.Hasher != nil {
			o.cfg.Hasher(b)
			o.cfg.Keys.Observe(b)
		}
		o.forward(b)
	case event.Broadcast:
		for from := 0; ; {
			next, full := o.open.PutAll(b, from)
			if full < 0 {
				break
			}
			o.send(full)
			from = next
		}
	default:
		o.route(b, n)
		for d := range o.channels {
			for index := o.routes.to(d); len(index) > 0; {
				m, full := o.open.Put(b, d, index)
				if index = index[m:]; full {
					o.send(d)
				}
			}
		}
	}
	b.Reset()
}

// route finds the destination of each record of a batch.
func (o *Output) route(b event.Batch, n int) {
	o.routes.reset(n, b.Cap())
	switch o.cfg.Partition {
	case event.Hash:
		o.cfg.Hasher(b)
		o.cfg.Keys.Observe(b)
		o.routes.byHash(b.KeyHashes())
	case event.Rebalance:
		o.routes.inTurn()
	case event.Custom:
		sel := o.routes.sel
		if err := o.cfg.Router(b, sel, len(o.channels)); err != nil {
			o.host.Failed(err)
		}
		for i, d := range sel {
			if d < 0 || int(d) >= len(o.channels) {
				o.host.Failed(fmt.Errorf("the partitioner returned %d for record %d of the batch; it must be from 0 to %d", d, i, len(o.channels)-1))
			}
		}
		o.routes.sort()
	}
}

// forward passes a batch to the only destination: a batch that is large
// enough is swapped in without a copy.
func (o *Output) forward(b event.Batch) {
	c := o.channels[0]
	limit := c.OpenLimit(o.cfg.Batch)
	if o.direct.Len() == 0 {
		if size := b.Bytes(); size <= limit && 2*size >= limit {
			o.direct.Swap(b)
			o.sendDirect()
			return
		}
	}
	for from := 0; from < b.Len(); {
		room := limit - o.direct.Bytes()
		if room <= 0 {
			o.sendDirect()
			limit = c.OpenLimit(o.cfg.Batch)
			continue
		}
		n, bytes := b.Fit(from, room)
		if bytes > room && o.direct.Len() > 0 {
			o.sendDirect()
			continue
		}
		o.direct.AppendRange(b, from, from+n)
		from += n
		if 8*o.direct.Bytes() >= 7*limit {
			o.sendDirect()
			limit = c.OpenLimit(o.cfg.Batch)
		}
	}
}

func (o *Output) sendDirect() {
	if o.direct.Len() == 0 {
		return
	}
	c := o.channels[0]
	size := o.direct.Bytes()
	if !o.wait(c, size) {
		o.setAside(0)
		return
	}
	b := o.container(0)
	b.Swap(o.direct)
	o.publish(0, b, size)
}

// send sends the open batch of a destination off.
func (o *Output) send(d int) {
	if o.open.Len(d) == 0 {
		return
	}
	c := o.channels[d]
	size := o.open.Bytes(d)
	if !o.wait(c, size) {
		o.setAside(d)
		return
	}
	b := o.container(d)
	o.open.Limit(d, c.OpenLimit(o.cfg.Batch))
	o.open.Take(d, b)
	o.publish(d, b, size)
}

// wait returns when the channel has room for n bytes, or false when they are to
// be set aside.
func (o *Output) wait(c *Channel, n int64) bool {
	if c.aside == nil && c.ready(n) {
		return true
	}
	if n > o.cfg.Largest {
		o.host.Failed(fmt.Errorf("a record of %s takes %d bytes, more than the %d bytes that a channel may hold: make the record smaller or raise MaxRecord", o.typ.Name(), n, o.cfg.Largest))
	}
	for !o.drain(c, false) || !c.ready(n) {
		need := n
		if c.aside != nil {
			need = c.aside[0].slot.bytes
		}
		if o.host.WaitCredit(c, need, n <= o.cfg.Overdraft-o.asideBytes) {
			c.disarm()
			return false
		}
	}
	c.disarm()
	return true
}

func (o *Output) publish(d int, b event.Batch, size int64) {
	o.Bytes += size
	o.announced[d] = o.watermark
	o.channels[d].idle = o.idle
	if err := o.channels[d].publish(b, size, o.watermark, o.board(d), false); err != nil {
		o.host.Failed(err)
	}
}

// container returns an empty batch: one that a receiver gave back, the most
// recent first, since it is warm in the cache.
func (o *Output) container(d int) event.Batch {
	o.channels[d].reclaimAll(o)
	if n := len(o.free); n > 0 {
		b := o.free[n-1]
		o.free[n-1] = nil
		o.free = o.free[:n-1]
		return b
	}
	return o.typ.NewBatch(o.capacity(o.channels[d]))
}

// Watermark notes a watermark: it rides on the next batch of each channel, or
// goes with Flush. Watermarks in a row collapse into the last.
func (o *Output) Watermark(t event.Time) {
	if t > o.watermark {
		o.watermark = t
		o.dirty = true
	}
}

// Idle notes whether the sender expects no records for now, so that it holds no
// watermark back. It rides like a watermark, behind the records that are open.
func (o *Output) Idle(idle bool) {
	if idle != o.idle {
		o.idle = idle
		o.dirty = true
	}
}

// Flush sends every open batch and the watermark: the task is about to wait. When
// a barrier has to get through it leaves the rest for later.
func (o *Output) Flush() {
	if !o.dirty {
		return
	}
	o.dirty, o.since = false, 0
	if o.direct != nil {
		o.sendDirect()
	} else {
		for d := range o.channels {
			o.send(d)
		}
	}
	for d, c := range o.channels {
		if !o.drain(c, true) {
			o.dirty = true
			continue
		}
		if o.announced[d] < o.watermark || c.idle != o.idle || o.riders[d] != nil {
			if !o.wait(c, 0) {
				o.dirty = true
				continue
			}
			c.reclaimAll(o)
			o.announced[d], c.idle = o.watermark, o.idle
			if err := c.publish(nil, 0, o.watermark, o.board(d), false); err != nil {
				o.host.Failed(err)
			}
		}
	}
}

// TryFlush sends what can leave without a wait, but for channel except, which
// the task is about to wait for.
func (o *Output) TryFlush(except *Channel) {
	if !o.dirty {
		return
	}
	for d, c := range o.channels {
		if c == except || !o.drain(c, false) {
			continue
		}
		if o.direct != nil {
			if n := o.direct.Bytes(); o.direct.Len() > 0 && c.ready(n) {
				o.sendDirect()
			}
		} else if o.open.Len(d) > 0 && c.ready(o.open.Bytes(d)) {
			o.send(d)
		}
	}
}

// Age flushes when open batches, or a watermark, have waited for max
// nanoseconds: for a task that is never dry, so that a rare destination is not
// starved.
func (o *Output) Age(now, max int64) {
	switch {
	case !o.dirty:
	case o.since == 0:
		o.since = now
	case now-o.since >= max:
		o.Flush()
	}
}

// End flushes and ends every channel.
func (o *Output) End() {
	for o.dirty = true; o.dirty; {
		o.Flush()
	}
	for _, c := range o.channels {
		for !c.ready(0) {
			o.host.WaitCredit(c, 0, false)
		}
		c.disarm()
		c.reclaimAll(o)
		if err := c.publish(nil, 0, event.MaxTime, nil, true); err != nil {
			o.host.Failed(err)
		}
	}
}

// OpenBytes is what the open batches hold, and what is set aside. The task's
// goroutine only.
func (o *Output) OpenBytes() int64 {
	n := o.asideBytes
	for d := range o.channels {
		n += o.openBytes(d)
	}
	return n
}

func (o *Output) openBytes(d int) int64 {
	if o.direct != nil {
		return o.direct.Bytes()
	}
	return o.open.Bytes(d)
}

func (o *Output) sendOpen(d int) {
	if o.direct != nil {
		o.sendDirect()
	} else {
		o.send(d)
	}
}

// OpenBound is the most that the open batches can hold: a batch for each
// channel, and the record that made one of them too large; where every channel
// gets every record, each of them. Any goroutine may ask.
func (o *Output) OpenBound() int64 {
	n := int64(len(o.channels))
	bound := n*o.cfg.Batch + o.cfg.Overdraft
	switch {
	case !o.typ.Variable():
		return bound
	case o.cfg.Partition == event.Broadcast:
		return bound + n*o.cfg.Largest
	}
	return bound + o.cfg.Largest
}

// Channels are the channels of the output, in the order of the receivers.
func (o *Output) Channels() []*Channel { return o.channels }

// reclaimAll takes containers back before a slot is used again. An output keeps
// at most as many as its channels have slots.
func (c *Channel) reclaimAll(o *Output) {
	for b := c.reclaim(); b != nil; b = c.reclaim() {
		if len(o.free) < len(c.slots)*len(o.channels) {
			o.free = append(o.free, b)
		}
	}
}
