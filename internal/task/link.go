package task

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/operator"
)

func timeOf(ns int64) time.Duration { return time.Duration(ns) }

// link is one operator in its chain; it is the operator's Context.
type link struct {
	t        *Task
	node     *graph.Node
	op       operator.Operator // nil for a source
	ported   operator.Ported   // op, if it has several inputs
	counters *metric.OperatorCounters
	outs     []operator.Output
	sends    []*exchange.Output
	marked   []*exchange.Output // of sends, those that markers go on
	next     *link
	labels   context.Context // for CPU profiles
	opened   bool
	woken    atomic.Bool
	alarm    int64 // when Woken is due, by the host's clock, 0 if it is not
	own      int64 // sampled time
	sampled  int64 // of it, what division has seen
	late     float64
	given    float64 // of the working time of the chain
	letters  *event.Records[event.DeadLetter]

	idle    bool // it has told those that come after that it is
	turning bool // its input is idle, but the operator holds records
}

// fail unwinds with an error of this operator, unless it has a name already.
func (l *link) fail(err error) {
	l.t.pace.at = l
	panic(operator.Unwind{Err: l.t.failure(operator.Unwind{Err: err})})
}

// receive passes a batch from the gate to the first operator.
func (l *link) receive(in exchange.Input) {
	l.counters.RecordsIn.Add(int64(in.Batch.Len()))
	l.counters.BytesIn.Add(in.Bytes)
	l.t.sampleBegin(l)
	var err error
	if l.ported != nil {
		err = l.ported.ProcessPort(in.Port, in.Batch)
	} else {
		err = l.op.Process(in.Batch)
	}
	if err != nil {
		l.fail(err)
	}
}

// chained joins two operators of a chain by a direct call.
type chained struct{ from, to *link }

func (c *chained) Emit(b event.Batch) {
	n := int64(b.Len())
	if n == 0 {
		return
	}
	l, t := c.to, c.from.t
	c.from.counters.RecordsOut.Add(n)
	l.counters.RecordsIn.Add(n)
	t.pace.at = l
	if t.pace.watched() {
		t.handOver(l)
	}
	if err := l.op.Process(b); err != nil {
		l.fail(err)
	}
	if t.pace.watched() {
		t.handOver(c.from)
	}
	t.pace.at = c.from
	b.Reset()
}

// sending counts what an operator sends on an edge.
type sending struct {
	from  *link
	out   *exchange.Output
	quiet bool // a second reader, or a side output: bytes only
}

func (s *sending) Emit(b event.Batch) {
	n := int64(b.Len())
	if n == 0 {
		return
	}
	bytes := s.out.Bytes
	s.out.Emit(b)
	if !s.quiet {
		s.from.counters.RecordsOut.Add(n)
	}
	if d := s.out.Bytes - bytes; d > 0 {
		s.from.counters.BytesOut.Add(d)
	}
}

// Flush implements operator.Flushing.
func (s *sending) Flush() { s.out.Flush() }

// fan gives every record to two outputs.
type fan struct {
	first, second operator.Output
	copy          event.Batch
}

func (f *fan) Emit(b event.Batch) {
	if b.Len() == 0 {
		return
	}
	if f.copy == nil {
		f.copy = b.Type().NewBatch(b.Len())
	}
	f.copy.Reset()
	f.copy.AppendRange(b, 0, b.Len())
	f.first.Emit(f.copy)
	f.second.Emit(b)
}

// Name implements operator.Context.
func (l *link) Name() string { return l.node.Name }

// Subtask implements operator.Context.
func (l *link) Subtask() (int, int) { return l.t.cfg.Subtask, l.t.cfg.Chain.Parallelism }

// Output implements operator.Context.
func (l *link) Output(i int) operator.Output {
	if i >= len(l.outs) {
		return nil
	}
	return l.outs[i]
}

// Watermark implements operator.Context.
func (l *link) Watermark(t event.Time) {
	if int64(t) <= l.counters.Watermark.Load() {
		return
	}
	l.counters.Watermark.Store(int64(t))
	for _, o := range l.sends {
		o.Watermark(t)
	}
	if l.next != nil {
		l.t.turnTo(l.next)
		if err := l.next.op.Watermark(t); err != nil {
			l.next.fail(err)
		}
		l.next.settle()
		l.t.turnTo(l)
	}
}

// turn takes the idleness of the input. The operator's records come out before
// those that come after are told.
func (l *link) turn(idle bool) {
	if h, ok := l.op.(operator.Holding); ok && idle && h.Holding() {
		l.turning = true
		return
	}
	l.turning = false
	l.rest(idle)
}

// settle looks again at an operator that held records while its input became
// idle.
func (l *link) settle() {
	if l.turning {
		l.turn(true)
	}
}

// rest tells those that come after whether this operator is idle. That it is
// not leaves at once, ahead of records: others must not move on meanwhile.
func (l *link) rest(idle bool) {
	if l.idle == idle {
		return
	}
	l.idle = idle
	l.counters.WatermarkIdle.Store(idle)
	for _, o := range l.sends {
		o.Idle(idle)
		if !idle {
			o.Flush()
		}
	}
	if l.next != nil {
		l.next.turn(idle)
	}
}

// Wait implements operator.Context.
func (l *link) Wait() { l.Sleep(0) }

// Sleep implements operator.Context.
func (l *link) Sleep(d time.Duration) {
	t := l.t
	t.flush()
	if l.woken.Swap(false) {
		return
	}
	if _, until := t.barriers.hurry(); until > 0 {
		d = sooner(d, until) // to be asked again by then
	}
	l.counters.WaitsSince.Store(t.host.Now())
	waited := t.suspend(Outside, -1, d)
	l.counters.WaitsSince.Store(0)
	l.counters.External.Add(waited)
	l.woken.Store(false)
}

// outside runs what waits for an outside system.
func (l *link) outside(f func() error) error {
	t := l.t
	now := t.host.Now()
	t.pace.pause(now)
	t.Account.BeginOutside(now)
	l.counters.WaitsSince.Store(now)
	err := guarded(f)
	end := t.host.Now()
	l.counters.WaitsSince.Store(0)
	t.Account.End(end)
	t.pace.resume(end, false, end-now)
	l.counters.External.Add(end - now)
	return err
}

// Wake implements operator.Context.
func (l *link) Wake() {
	l.woken.Store(true)
	l.t.woken.Store(true)
	l.t.waker.Wake()
}

// WakeAt implements operator.Context.
func (l *link) WakeAt(at time.Time) {
	l.alarm = 0
	if !at.IsZero() {
		l.alarm = max(l.t.host.Now()+int64(at.Sub(l.t.host.Wall())), 1)
	}
	l.t.setAlarm()
}

// Now implements operator.Context.
func (l *link) Now() time.Time { return l.t.host.Wall() }

// Count implements operator.Context.
func (l *link) Count(name string, n int64) { l.counters.Count(name, n) }

// Gauge implements operator.Context.
func (l *link) Gauge(name string, value float64, labels ...string) {
	l.counters.SetGauge(name, value, labels...)
}

// Yield implements operator.Context.
func (l *link) Yield() {
	t := l.t
	if t.cancelled.Load() {
		panic(operator.Unwind{Err: operator.ErrCancelled})
	}
	if t.host.Now()-t.pace.began >= yieldEvery {
		t.host.Yield()
		t.pace.began = t.host.Now()
	}
}

// BatchCapacity implements operator.Context.
func (l *link) BatchCapacity(size int) int {
	n := capacity(l.t.cfg.Batch, size)
	l.t.scratch.Add(int64(n) * int64(size))
	return n
}

var _ operator.Context = (*link)(nil)
