package task

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/operator"
)

// Checkpoints is what a task tells the job about checkpoints. Its methods never
// wait, and may be called by any goroutine.
type Checkpoints interface {
	Acknowledge(checkpoint.Acknowledgement)
	Decline(checkpoint.Decline)
	// Finished says that a subtask has ended, with its final state.
	Finished(checkpoint.Subtask, checkpoint.Part)
	// Drained says that a subtask with a sink has processed all of its input. It
	// takes part in one more checkpoint, which commits what it has written, and
	// ends with Task.Release.
	Drained(checkpoint.Subtask)
	// Store is where files are written; FileName names one, different from all
	// that were ever written.
	Store() checkpoint.Store
	FileName(b checkpoint.Barrier, rest string) string
}

// barriers is the part of a task in checkpoints: it takes barriers from the
// job, from channels and from the clock, lets the alignment decide, and carries
// that out between two batches.
type barriers struct {
	t     *Task
	job   Checkpoints
	id    checkpoint.Subtask
	align *checkpoint.Alignment
	cut   *cut // taken and not complete
	files shared

	mu       sync.Mutex
	mail     []letter
	storing  int    // checkpoints that are being stored
	last     func() // to be called when none is any more
	mailed   atomic.Bool
	released bool

	// quiet is set while nothing can be interrupted: the task is taking its
	// snapshot, or ending its outputs.
	quiet bool
	ended bool // the outputs have
	// held is the checkpoint behind whose barrier a source sends nothing, since
	// the job is to end with it; 0 for none.
	held int64
}

// letter is what the job tells a task: one of the fields is set, but for hold.
type letter struct {
	inject  *event.Barrier
	hold    bool // with inject
	proceed bool
	abort   int64
	release bool
}

func newBarriers(t *Task, job Checkpoints) *barriers {
	n := 0
	if t.gate != nil {
		n = t.gate.Channels()
	}
	return &barriers{t: t, job: job, id: checkpoint.Subtask{Task: t.Name(), Index: t.cfg.Subtask}, align: checkpoint.NewAlignment(n)}
}

func (p *barriers) post(m letter) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.mail = append(p.mail, m)
	p.mu.Unlock()
	p.mailed.Store(true)
	p.t.waker.Wake()
}

// Inject gives a barrier to a task that nobody else brings it to. With hold a
// source sends nothing behind it, until the checkpoint is given up or Proceed is
// called.
func (t *Task) Inject(b event.Barrier, hold bool) { t.barriers.post(letter{inject: &b, hold: hold}) }

// Proceed lets a source go on that holds behind a barrier.
func (t *Task) Proceed() { t.barriers.post(letter{proceed: true}) }

// Abort says that a checkpoint was given up.
func (t *Task) Abort(id int64) { t.barriers.post(letter{abort: id}) }

// Complete says that a checkpoint is complete: its files may be referred to.
// That counts for every checkpoint that begins later: it is not left in the mail
// until the task looks, which may be after the barrier of the next one, when the
// files of the one before this are gone.
func (t *Task) Complete(id int64) {
	if p := t.barriers; p != nil {
		p.files.complete(id)
	}
}

// Release lets a task end that has drained.
func (t *Task) Release() { t.barriers.post(letter{release: true}) }

// take empties the mail box.
func (p *barriers) take() []letter {
	if !p.mailed.Swap(false) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	mail := p.mail
	p.mail = nil
	return mail
}

// attend is passed between batches.
func (p *barriers) attend() {
	for _, m := range p.take() {
		switch {
		case m.inject != nil:
			p.carryOut(p.align.Inject(p.t.host.Wall(), *m.inject))
			if m.hold {
				p.held = m.inject.ID
			}
		case m.proceed:
			p.held = 0
		case m.abort != 0:
			p.carryOut(p.align.Cancel(m.abort))
			if p.held == m.abort {
				p.held = 0
			}
		case m.release:
			p.released = true
		}
	}
	if g := p.t.gate; g != nil && g.Called() {
		g.Announced(func(channel int, b *event.Barrier) {
			p.carryOut(p.align.Announce(p.t.host.Wall(), channel, *b))
			p.caught(channel)
		})
	}
	if at, ok := p.align.Deadline(); ok && !p.t.host.Wall().Before(at) {
		p.carryOut(p.align.Tick(p.t.host.Wall()))
	}
}

// pending tells whether attend has something to do now. It is cheap.
func (p *barriers) pending() bool {
	if p.mailed.Load() || p.t.gate != nil && p.t.gate.Called() {
		return true
	}
	at, ok := p.align.Deadline()
	return ok && !p.t.host.Wall().Before(at)
}

// came takes a barrier, or the end of a channel, behind all that was processed.
func (p *barriers) came(in exchange.Input) {
	now := p.t.host.Wall()
	if in.Barrier != nil {
		p.carryOut(p.align.Barrier(now, in.Channel, *in.Barrier))
	}
	if in.Ended {
		p.carryOut(p.align.End(now, in.Channel))
	}
}

// deadline is when a barrier that is known here overtakes records, the first of
// those that are in the mail, announced, or being aligned. A source takes one at
// once.
func (p *barriers) deadline() (at time.Time, ok bool) {
	first := func(t time.Time, is bool) {
		if is && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	first(p.align.Deadline())
	if p.mailed.Load() {
		p.mu.Lock()
		for _, m := range p.mail {
			switch {
			case m.inject == nil:
			case p.t.source != nil: // it need not wait for anybody
				first(m.inject.Time, true)
			default:
				first(m.inject.Overtakes())
			}
		}
		p.mu.Unlock()
	}
	if g := p.t.gate; g != nil && g.Called() {
		g.Peek(func(b *event.Barrier) { first(b.Overtakes()) })
	}
	return at, ok
}

// settleOutputs sends what outputs have set aside, before new input is taken. A
// barrier that comes meanwhile gets through between two batches.
func (t *Task) settleOutputs() {
	if t.barriers == nil {
		return
	}
	for _, o := range t.outputs {
		for o.Asides() > 0 {
			o.Settle()
			t.checkpoint()
		}
	}
}

// hurry tells a task that waits in the middle of a batch whether a barrier has
// to get through, and otherwise how long it may wait, 0 for ever.
func (p *barriers) hurry() (now bool, d time.Duration) {
	if p == nil || p.quiet {
		return false, 0
	}
	at, ok := p.deadline()
	if !ok {
		return false, 0
	}
	d = at.Sub(p.t.host.Wall())
	return d <= 0, max(d, 0)
}

// carryOut does what the alignment wants.
func (p *barriers) carryOut(actions []checkpoint.Action) {
	t := p.t
	for _, a := range append([]checkpoint.Action(nil), actions...) {
		switch a := a.(type) {
		case checkpoint.Block:
			if err := t.gate.Block(a.Channel); err != nil {
				t.links[0].fail(err)
			}
		case checkpoint.Unblock:
			for _, c := range a.Channels {
				t.gate.Unblock(c)
			}
		case checkpoint.Snapshot:
			p.snapshot(a)
		case checkpoint.Captured:
		case checkpoint.Complete:
			if p.cut != nil && p.cut.barrier.ID == a.ID {
				p.keep(p.cut)
				p.cut = nil
			}
		case checkpoint.Abandon:
			if p.cut != nil && p.cut.barrier.ID == a.ID {
				p.cut.drop()
				p.cut = nil
			}
			p.job.Decline(checkpoint.Decline{Subtask: p.id, ID: a.ID, Reason: a.Reason})
		}
	}
}

// snapshot takes the state of the task, and passes the barrier on.
func (p *barriers) snapshot(a checkpoint.Snapshot) {
	t := p.t
	p.quiet = true
	defer func() { p.quiet = false }()
	began := t.host.Now()
	c := newCut(p, a)
	p.cut = c
	for _, l := range t.links {
		t.turnTo(l)
		if err := c.link(l); err != nil {
			c.fail(l, err)
			break
		}
	}
	if !p.ended {
		for _, o := range t.outputs {
			for _, k := range o.Barrier(&a.Barrier) {
				c.sent(o, k)
			}
		}
	}
	c.ended = p.ended
	for _, channel := range a.Capture {
		c.lane(channel)
	}
	c.metrics.Sync = time.Duration(t.host.Now() - began)
	for _, channel := range a.Capture {
		p.caught(channel)
	}
}

// caught takes the rest of what lies before the barrier in a channel that it
// overtakes, once the sender has announced it.
func (p *barriers) caught(channel int) {
	id, ok := p.align.Capturing(channel)
	if !ok || p.cut == nil || p.cut.barrier.ID != id {
		return
	}
	c := p.cut
	lane, began := c.lanes[channel], p.t.host.Now()
	skip, known, err := p.t.gate.Overtaken(channel, id, lane.taken, lane.add)
	if err != nil {
		c.fail(p.t.links[0], err)
	}
	c.metrics.Sync += time.Duration(p.t.host.Now() - began)
	if known {
		lane.skip = skip
		p.carryOut(p.align.Barrier(p.t.host.Wall(), channel, c.barrier))
	}
}

// before is called with a batch that is about to be processed.
func (p *barriers) before(channel int, b event.Batch) {
	if p.cut == nil || b == nil {
		return
	}
	if id, ok := p.align.Capturing(channel); ok && id == p.cut.barrier.ID && !p.t.gate.Kept(channel, id) {
		if err := p.cut.lanes[channel].add(b); err != nil {
			p.cut.fail(p.t.links[0], err)
		}
	}
}

// linger keeps a task with a sink that has processed all of its input, until
// what it wrote is committed.
func (p *barriers) linger() {
	t := p.t
	p.job.Drained(p.id)
	for !p.released {
		p.attend()
		if p.released || t.cancelled.Load() {
			break
		}
		_, d := p.hurry()
		if !p.pending() {
			t.suspend(Idle, -1, d)
		}
	}
	if t.cancelled.Load() {
		panic(operator.Unwind{Err: operator.ErrCancelled})
	}
}

// finish says that the task has ended, once all that it took part in is stored.
func (p *barriers) finish() {
	final := checkpoint.Part{}
	if s := p.t.source; s != nil {
		at, err := s.positions()
		if err != nil {
			p.t.links[0].fail(err)
		}
		final.Operators = append(final.Operators, checkpoint.OperatorPart{Operator: s.link.node.Name, State: checkpoint.SubtaskState{Splits: splitsOf(at)}})
	}
	finished := func() { p.job.Finished(p.id, final) }
	p.mu.Lock()
	now := p.storing == 0
	if !now {
		p.last = finished
	}
	p.mu.Unlock()
	if now {
		finished()
	}
}

// keep stores what was taken, outside of the task, and tells the job.
func (p *barriers) keep(c *cut) {
	p.mu.Lock()
	p.storing++
	p.mu.Unlock()
	p.t.host.Go(func(ctx context.Context) {
		c.store(ctx)
		p.mu.Lock()
		p.storing--
		last := p.last
		if p.storing > 0 {
			last = nil
		}
		p.mu.Unlock()
		if last != nil {
			last()
		}
	})
}
