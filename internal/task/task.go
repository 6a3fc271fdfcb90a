package task

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/operator"
)

// Config of a task.
type Config struct {
	Plan    *graph.Plan
	Chain   *graph.Chain
	Subtask int
	Gate    *exchange.Gate // nil for a source
	Waker   *exchange.Waker
	// Batch is the size in bytes of scratch batches.
	Batch int64
	Log   *slog.Logger
	// Aligned are the sources of the group that a source belongs to.
	Aligned *Horizon
	// Job is the name of the job.
	Job string
	// Checkpoints is where the job takes checkpoints, nil if it does not.
	Checkpoints Checkpoints
	// Restored is what the task goes on from, nil if it starts afresh.
	Restored *Restored
	// Latency is what is measured of latencies, nil for nothing.
	Latency *Latency
	// Letters keeps the last records that the job refused, nil for none.
	Letters *metric.LetterTray
	// EveryStep makes a simulated task give control back after each batch.
	EveryStep bool
}

// Task is one subtask of a chain. Run is called once; Drain, Cancel, Fill and
// Failed may be called by any goroutine.
type Task struct {
	cfg     Config
	host    Host
	gate    *exchange.Gate
	waker   *exchange.Waker
	links   []*link
	outputs []*exchange.Output
	edges   []int // plan edge of each output
	waking  []*link
	source  *source
	sink    *sink
	Account *metric.Account

	draining  atomic.Bool
	cancelled atomic.Bool
	woken     atomic.Bool
	ended     atomic.Bool
	openBytes atomic.Int64
	scratch   atomic.Int64
	on        atomic.Pointer[exchange.Channel] // the channel last waited for
	alarm     int64                            // the earliest of the links', 0 if there is none
	pace      pace
	barriers  *barriers // nil without checkpoints
	markers   *markers  // nil where no latency is measured
}

// New builds the task of a chain. Connect adds its outputs before Run.
func New(cfg Config, host Host) *Task {
	t := &Task{cfg: cfg, host: host, gate: cfg.Gate, waker: cfg.Waker}
	for i, id := range cfg.Chain.Nodes {
		n := cfg.Plan.Nodes[id]
		l := &link{t: t, node: n, labels: labelled(n.Name), counters: metric.NewOperatorCounters(), outs: make([]operator.Output, len(n.Outputs))}
		switch {
		case n.Source != nil:
			t.source = newSource(t, l)
		case n.Sink != nil:
			t.sink = &sink{driver: n.Sink, link: l}
			l.op = t.sink
		default:
			l.op = n.Operator()
			l.ported, _ = l.op.(operator.Ported)
		}
		if _, ok := l.op.(operator.Waking); ok {
			t.waking = append(t.waking, l)
		}
		t.links = append(t.links, l)
		if i > 0 {
			before := t.links[i-1]
			before.next = l
			before.outs[0] = &chained{from: before, to: l}
		}
	}
	if cfg.Checkpoints != nil {
		t.barriers = newBarriers(t, cfg.Checkpoints)
	}
	t.markers = newMarkers(t, cfg.Latency)
	if t.sink != nil {
		t.sink.ages = newEventAges(t, cfg.Latency)
	}
	return t
}

// Connect adds the output of an edge to the node that sends on it. Several
// readers of one output each get every record.
func (t *Task) Connect(e graph.Edge, o *exchange.Output) {
	for _, c := range o.Channels() {
		c.Edge = len(t.outputs)
	}
	t.outputs = append(t.outputs, o)
	t.edges = append(t.edges, e.ID)
	for _, l := range t.links {
		if l.node.ID != e.From {
			continue
		}
		n := l.node
		side := e.Output == n.Letters || slices.Contains(n.Optional, e.Output)
		var out operator.Output = &sending{from: l, out: o, quiet: side || l.outs[e.Output] != nil}
		if before := l.outs[e.Output]; before != nil {
			out = &fan{first: before, second: out}
		}
		l.outs[e.Output] = out
		l.sends = append(l.sends, o)
		if e.Output != n.Letters {
			l.marked = append(l.marked, o)
		}
	}
}

// Prepare readies the accounts once all outputs are connected.
func (t *Task) Prepare() { t.Account = metric.NewAccount(len(t.outputs)) }

// Name of the task for messages: its operators joined.
func (t *Task) Name() string { return t.cfg.Plan.TaskName(t.cfg.Chain.ID) }

// Drain asks a source to stop reading; the job then ends by itself.
func (t *Task) Drain() { t.draining.Store(true); t.waker.Wake() }

// Cancel makes the task end as soon as it can, dropping what it holds.
func (t *Task) Cancel() { t.cancelled.Store(true); t.waker.Wake() }

// IsSource tells whether the task reads from outside.
func (t *Task) IsSource() bool { return t.source != nil }

// Ended tells whether Run has returned.
func (t *Task) Ended() bool { return t.ended.Load() }

// Failure is an error with the operator that it happened in.
type Failure struct {
	Operator string
	Subtask  int
	Err      error
}

// Error names the operator first.
func (f *Failure) Error() string { return fmt.Sprintf("operator %q: %v", f.Operator, f.Err) }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Open opens the operators from the last to the first, so that whoever emits
// finds its receiver ready.
func (t *Task) Open() error {
	for i := len(t.links) - 1; i >= 0; i-- {
		l := t.links[i]
		var err error
		if t.source != nil && i == 0 {
			err = l.opening(t.source.open)
		} else {
			err = l.opening(func() error { return l.op.Open(l) })
		}
		if err != nil {
			return &Failure{Operator: l.node.Name, Subtask: t.cfg.Subtask, Err: err}
		}
		l.opened = true
	}
	return nil
}

// Run processes until the input ends, the job is cancelled (ErrCancelled) or
// something fails. Open must have been called.
func (t *Task) Run() (err error) {
	t.host.Begin()
	defer t.host.End()
	t.Account.Start(t.host.Now())
	defer func() {
		if v := recover(); v != nil {
			err = t.failure(v)
		}
		t.Account.Stop(t.host.Now())
		t.ended.Store(true)
		t.openBytes.Store(0)
	}()
	t.pace.begin(t.host.Now())
	t.links[0].label()
	t.resume()
	if t.source != nil {
		t.source.run()
	} else {
		t.consume()
	}
	for _, l := range t.links {
		t.turnTo(l)
		if l.op == nil {
			continue
		}
		if err := l.op.Finish(); err != nil {
			l.fail(err)
		}
	}
	if t.barriers != nil {
		t.barriers.quiet = true
	}
	for _, o := range t.outputs {
		o.End()
	}
	if p := t.barriers; p != nil {
		p.quiet, p.ended = false, true
		if t.sink != nil {
			p.linger()
		}
		p.finish()
	}
	return nil
}

// Close releases what Open took. It is called once, after Run.
func (t *Task) Close() error {
	var all []error
	for i, l := range t.links {
		if !l.opened {
			continue
		}
		var err error
		if t.source != nil && i == 0 {
			err = t.source.close()
		} else {
			err = guarded(l.op.Close)
		}
		if err != nil {
			all = append(all, &Failure{Operator: l.node.Name, Subtask: t.cfg.Subtask, Err: err})
		}
	}
	return errors.Join(all...)
}

// failure turns what unwound the goroutine into an error.
func (t *Task) failure(v any) error {
	name := t.links[0].node.Name
	if t.pace.at != nil {
		name = t.pace.at.node.Name
	}
	if u, ok := v.(operator.Unwind); ok {
		var f *Failure
		if errors.Is(u.Err, operator.ErrCancelled) || errors.As(u.Err, &f) {
			return u.Err
		}
		return &Failure{Operator: name, Subtask: t.cfg.Subtask, Err: u.Err}
	}
	return &Failure{Operator: name, Subtask: t.cfg.Subtask, Err: operator.Panicked(v)}
}

// guarded turns a panic of code of the user into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = operator.Panicked(v)
		}
	}()
	return f()
}

// consume is the loop of a task that reads from other tasks.
func (t *Task) consume() {
	first := t.links[0]
	for {
		t.checkpoint()
		t.settleOutputs()
		in, ok, err := t.gate.Next()
		if err != nil {
			first.fail(err)
		}
		if !ok {
			if t.gate.Ended() {
				return
			}
			t.idle()
			continue
		}
		if in.Turned && !in.Idle {
			first.turn(false)
		}
		if in.Batch != nil {
			if t.barriers != nil {
				t.barriers.before(in.Channel, in.Batch)
			}
			t.markers.before(in.Channel)
			first.receive(in)
			t.markers.after()
		}
		if in.Markers != nil {
			t.markers.came(in.Channel, in.Markers)
		}
		if in.Advanced {
			t.turnTo(first)
			if err := first.op.Watermark(in.Watermark); err != nil {
				first.fail(err)
			}
			first.settle()
		}
		if in.Turned && in.Idle {
			first.turn(true)
		}
		if err := t.gate.Release(); err != nil {
			first.fail(err)
		}
		if t.barriers != nil && (in.Barrier != nil || in.Ended) {
			t.barriers.came(in)
		}
		t.tick()
	}
}

// checkpoint is passed between batches: it ends a cancelled task and lets
// operators finish work that was done outside.
func (t *Task) checkpoint() {
	if t.cancelled.Load() {
		panic(operator.Unwind{Err: operator.ErrCancelled})
	}
	if t.woken.Load() && t.woken.Swap(false) {
		for _, l := range t.waking {
			if !l.woken.Swap(false) {
				continue
			}
			t.turnTo(l)
			if err := l.op.(operator.Waking).Woken(); err != nil {
				l.fail(err)
			}
			l.settle()
		}
	}
	if t.barriers != nil && t.barriers.pending() {
		t.barriers.attend()
	}
}

// idle waits for input; open batches leave first.
func (t *Task) idle() {
	t.flush()
	d := t.untilAlarm()
	if t.gate.Arm() || t.woken.Load() || t.cancelled.Load() || t.barriers != nil && t.barriers.pending() {
		return
	}
	if now, until := t.barriers.hurry(); now {
		return
	} else {
		d = sooner(d, until)
	}
	t.suspend(Idle, -1, d)
	t.ring(t.pace.last)
}

// flush sends all open batches: the task is about to wait.
func (t *Task) flush() {
	for _, o := range t.outputs {
		o.Flush()
	}
}

// suspend waits and accounts for it. The clock is read only here, and every
// so many batches by tick.
func (t *Task) suspend(s Status, edge int, d time.Duration) (waited int64) {
	now := t.host.Now()
	t.pace.pause(now)
	switch s {
	case Idle:
		t.Account.BeginIdle(now)
	case Blocked:
		t.Account.BeginBlocked(edge, now)
	default:
		t.Account.BeginOutside(now)
	}
	t.openBytes.Store(t.heldBytes())
	t.host.Suspend(s, d)
	end := t.host.Now()
	t.Account.End(end)
	t.pace.resume(end, s == Idle, end-now)
	if t.cancelled.Load() {
		panic(operator.Unwind{Err: operator.ErrCancelled})
	}
	return end - now
}

// heldBytes is what the open batches hold.
func (t *Task) heldBytes() (n int64) {
	for _, o := range t.outputs {
		n += o.OpenBytes()
	}
	return n
}

// WaitCredit implements exchange.Host.
func (t *Task) WaitCredit(c *exchange.Channel, n int64, hurry bool) bool {
	now, until := t.barriers.hurry()
	if now && hurry {
		return true
	}
	for _, o := range t.outputs {
		o.TryFlush(c)
	}
	if c.Arm(n) {
		return false
	}
	d := until
	if t.source != nil {
		d = sooner(d, t.source.patience())
	}
	t.on.Store(c)
	waited := t.suspend(Blocked, c.Edge, d)
	c.Blocked.Add(waited)
	if t.source != nil {
		t.source.pressed(waited)
	}
	return false
}

// Failed implements exchange.Host.
func (t *Task) Failed(err error) { panic(operator.Unwind{Err: err}) }

// Held is what the task holds outside of channels: open batches now, and the
// most that open and scratch batches can hold.
func (t *Task) Held() (now, bound int64) {
	bound = t.scratch.Load()
	for _, o := range t.outputs {
		bound += o.OpenBound()
	}
	return t.openBytes.Load(), bound
}

// capacity is the number of records of a scratch batch.
func capacity(batch int64, size int) int { return min(max(int(batch/int64(size)), 1), 4096) }

var _ exchange.Host = (*Task)(nil)
