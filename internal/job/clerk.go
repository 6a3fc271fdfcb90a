package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/state"
)

// Surroundings is what a Clerk stands on: goroutines and the clock, or those of
// a simulation.
type Surroundings struct {
	Now func() time.Time
	// Go runs f, which may wait, outside of the caller.
	Go func(f func(ctx context.Context))
	// Each runs functions that may wait, beside each other, to their end.
	Each func(list []func())
	// Wake has Turn called soon.
	Wake func()
	// Fail ends the attempt.
	Fail func(error)
	// Tell, unless it is nil, takes what is known of checkpoints after each turn,
	// newest first, before those who wait for one are answered.
	Tell func([]checkpoint.Record)
	Log  *slog.Logger
}

// Clerk carries out what the coordinator of one attempt decides. Only Turn
// touches the coordinator; everybody else posts to it.
type Clerk struct {
	Surroundings
	cfg     *Checkpointing
	owner   *checkpoint.Ownership
	graph   *Graph
	attempt int

	mu      sync.Mutex
	posted  []func(now time.Time) []checkpoint.Decision
	history []checkpoint.Record
	next    int64
	closed  bool

	c       *checkpoint.Coordinator
	tasks   map[checkpoint.Subtask]*task.Task
	wanted  [2][]request                // by kind, that have not begun
	waiting map[int64][]chan<- Outcome  // by checkpoint under way
	drained map[checkpoint.Subtask]bool // sinks that have processed everything
	ended   map[checkpoint.Subtask]bool // others that have ended
	final   int64                       // the checkpoint that ends the job, 0 none yet
	closing bool                        // it has been asked for
	after   int64                       // the final checkpoint has this number or a larger one
	answers []func()                    // to be given at the end of the turn
}

// Outcome of a checkpoint that somebody asked for.
type Outcome struct {
	ID  int64
	Err error
}

// newClerk makes the coordinator of an attempt.
func newClerk(cfg *Config, g *Graph, attempt int, r recovery, on Surroundings) (*Clerk, error) {
	c := cfg.Checkpoints
	k := &Clerk{Surroundings: on, cfg: c, owner: cfg.owner, graph: g, attempt: attempt, tasks: map[checkpoint.Subtask]*task.Task{}, waiting: map[int64][]chan<- Outcome{},
		drained: map[checkpoint.Subtask]bool{}, ended: map[checkpoint.Subtask]bool{}, next: r.next}
	var err error
	k.c, err = checkpoint.NewCoordinator(checkpoint.Config{Job: cfg.Name, KeyGroups: event.KeyGroups,
		Interval: c.Interval, MinPause: c.MinPause, Timeout: c.Timeout, Tolerated: c.Tolerated,
		AtLeastOnce: c.AtLeastOnce, UnalignedAfter: c.UnalignedAfter, Retain: c.Retain, History: remembered}, describe(g.Plan), r.registry, r.next, on.Now())
	for i, list := range g.Tasks {
		for s, t := range list {
			k.tasks[checkpoint.Subtask{Task: g.Plan.TaskName(i), Index: s}] = t
		}
	}
	return k, err
}

// nextID is the first number that no checkpoint of the attempt has had.
func (k *Clerk) nextID() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.next
}

// describe lists the tasks of a plan for the coordinator.
func describe(p *graph.Plan) []checkpoint.Task {
	out := make([]checkpoint.Task, 0, len(p.Chains))
	for i := range p.Chains {
		c := &p.Chains[i]
		t := checkpoint.Task{Name: p.TaskName(i), Parallelism: c.Parallelism}
		for _, n := range c.Nodes {
			t.Operators = append(t.Operators, p.Nodes[n].Name)
		}
		for _, e := range c.In {
			t.Inputs = append(t.Inputs, checkpoint.Input{Task: p.TaskName(p.ChainOf[e.From]), Forward: e.Input.Partition == event.Forward})
		}
		out = append(out, t)
	}
	return out
}

// post hands something to the clerk's goroutine. The queue is bounded by what
// tasks can say: an answer for each checkpoint, an end.
func (k *Clerk) post(f func(now time.Time) []checkpoint.Decision) {
	k.mu.Lock()
	k.posted = append(k.posted, f)
	k.mu.Unlock()
	k.Wake()
}

// errStopped answers who asks for a checkpoint while nothing runs.
var errStopped = errors.New("the job does not run: it has failed, and is about to restart or has ended")

// Acknowledge implements task.Checkpoints.
func (k *Clerk) Acknowledge(a checkpoint.Acknowledgement) {
	k.post(func(now time.Time) []checkpoint.Decision { return k.c.Acknowledge(now, a) })
}

// Decline implements task.Checkpoints.
func (k *Clerk) Decline(d checkpoint.Decline) {
	k.post(func(now time.Time) []checkpoint.Decision {
		if errors.Is(d.Cause, state.ErrUnstorable) { // no checkpoint will ever be complete
			k.Fail(d.Cause)
		}
		return k.c.Decline(now, d)
	})
}

// Finished implements task.Checkpoints.
func (k *Clerk) Finished(s checkpoint.Subtask, final checkpoint.Part) {
	k.post(func(now time.Time) []checkpoint.Decision {
		k.ended[s] = true
		out := k.c.Finished(now, s, final)
		return append(out, k.last(now)...)
	})
}

// Drained implements task.Checkpoints.
func (k *Clerk) Drained(s checkpoint.Subtask) {
	k.post(func(now time.Time) []checkpoint.Decision {
		k.drained[s] = true
		return k.last(now)
	})
}

// Store implements task.Checkpoints.
func (k *Clerk) Store() checkpoint.Store { return k.cfg.Store }

// FileName implements task.Checkpoints.
func (k *Clerk) FileName(b checkpoint.Barrier, rest string) string {
	return k.owner.FileName(b.Kind, b.ID, fmt.Sprintf("%d-%s", k.attempt, rest))
}

// last asks for the checkpoint that commits what sinks have written, when all
// that is left of the job are these sinks.
func (k *Clerk) last(now time.Time) []checkpoint.Decision {
	if k.closing || len(k.drained) == 0 {
		return nil
	}
	for s := range k.tasks {
		if !k.drained[s] && !k.ended[s] {
			return nil
		}
	}
	k.closing, k.after = true, k.nextID() // one under way may have missed what came last
	return k.c.Trigger(now, checkpoint.Checkpoint)
}

// request is a checkpoint that somebody waits for.
type request struct {
	out  chan<- Outcome
	hold bool // sources send nothing behind the barrier
}

// proceed lets sources go on that hold behind a barrier, or were to.
func (k *Clerk) proceed() {
	k.post(func(time.Time) []checkpoint.Decision {
		for _, list := range k.wanted {
			for i := range list {
				list[i].hold = false
			}
		}
		k.graph.All((*task.Task).Proceed)
		return nil
	})
}

// trigger asks for a checkpoint; the outcome comes when it is committed, or has
// failed. The channel must have room for it. With hold, sources send nothing
// behind the barrier: the job is then stopped, or proceed is called.
func (k *Clerk) trigger(kind checkpoint.Kind, hold bool, out chan<- Outcome) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		out <- Outcome{Err: errStopped}
		return
	}
	k.posted = append(k.posted, func(now time.Time) []checkpoint.Decision {
		k.wanted[kind] = append(k.wanted[kind], request{out, hold})
		return k.c.Trigger(now, kind)
	})
	k.mu.Unlock()
	k.Wake()
}

// Turn takes what was posted, and the time. It is called after Wake, at Due, and
// by one goroutine at a time.
func (k *Clerk) Turn() {
	k.mu.Lock()
	list := k.posted
	k.posted = nil
	k.mu.Unlock()
	for _, f := range list {
		k.carryOut(f(k.Now()))
	}
	if at, ok := k.c.Due(); ok && !k.Now().Before(at) {
		k.carryOut(k.c.Tick(k.Now()))
	}
	h := k.c.History()
	k.mu.Lock()
	k.history = h
	k.mu.Unlock()
	if k.Tell != nil {
		k.Tell(h)
	}
	k.reply()
}

// reply gives the answers of this turn.
func (k *Clerk) reply() {
	for _, f := range k.answers {
		f()
	}
	k.answers = nil
}

// Due is when Turn has something to do although nobody posts; false if it has
// not.
func (k *Clerk) Due() (time.Time, bool) { return k.c.Due() }

// Close answers those who still wait for a checkpoint, and all who ask later. Turn
// is not called again.
func (k *Clerk) Close() {
	k.mu.Lock()
	again := k.closed
	k.closed = true
	k.mu.Unlock()
	if again {
		return
	}
	k.Turn()
	k.answerAll(errStopped)
	k.reply()
}

// History tells of checkpoints, newest first. Any goroutine may ask.
func (k *Clerk) History() []checkpoint.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.history
}

func (k *Clerk) carryOut(list []checkpoint.Decision) {
	for _, d := range list {
		switch d := d.(type) {
		case checkpoint.Inject:
			k.begin(d)
		case checkpoint.WriteManifest:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := k.owner.PutManifest(ctx, d.Manifest)
				return func(now time.Time) []checkpoint.Decision { return k.c.ManifestWritten(now, d.Manifest.ID, err) }
			})
		case checkpoint.Withdraw:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := k.owner.Delete(ctx, checkpoint.ManifestName(d.Kind, d.ID))
				return func(now time.Time) []checkpoint.Decision { return k.c.Withdrawn(now, d.ID, err) }
			})
		case checkpoint.NotifyCommit:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := k.commit(ctx, d.ID)
				return func(now time.Time) []checkpoint.Decision { return k.committed(now, d, err) }
			})
		case checkpoint.Abort:
			k.Log.Warn("a checkpoint was given up", "kind", d.Kind.String(), "id", d.ID, "reason", d.Reason)
			k.graph.All(func(t *task.Task) { t.Abort(d.ID) })
			k.answer(d.ID, fmt.Errorf("%s %d was given up: %s", d.Kind, d.ID, d.Reason))
			if k.closing && k.final == d.ID {
				k.closing, k.final = false, 0
				k.post(k.last)
			}
		case checkpoint.Discard:
			k.discard(d)
		case checkpoint.Refuse:
			for _, w := range k.wanted[d.Kind] {
				k.later(w.out, Outcome{Err: errors.New(d.Reason)})
			}
			k.wanted[d.Kind] = nil
		case checkpoint.FailJob:
			err := errors.New(d.Reason)
			if d.Superseded != nil {
				err = d.Superseded
			}
			k.Fail(fmt.Errorf("checkpoints: %w", err))
		}
	}
}

// begin gives a barrier to tasks.
func (k *Clerk) begin(d checkpoint.Inject) {
	b := d.Barrier
	k.mu.Lock()
	k.next = max(k.next, b.ID+1)
	k.mu.Unlock()
	hold := false
	for _, w := range k.wanted[b.Kind] {
		k.waiting[b.ID] = append(k.waiting[b.ID], w.out)
		hold = hold || w.hold
	}
	k.wanted[b.Kind] = nil
	if k.closing && k.final == 0 && b.ID >= k.after {
		k.final = b.ID
	}
	for _, s := range d.Into {
		k.tasks[s].Inject(b, hold)
	}
}

// outside runs what may wait, and posts what follows from it.
func (k *Clerk) outside(f func(ctx context.Context) func(time.Time) []checkpoint.Decision) {
	k.Go(func(ctx context.Context) { k.post(f(ctx)) })
}

// commit lets every sink commit what it has prepared.
func (k *Clerk) commit(ctx context.Context, id int64) error {
	var errs []error
	var list []func()
	k.graph.All(func(t *task.Task) {
		i := len(errs)
		errs = append(errs, nil)
		list = append(list, func() { errs[i] = t.CommitSink(ctx, id) })
	})
	k.Each(list)
	return errors.Join(errs...)
}

// committed tells everybody that a checkpoint is complete.
func (k *Clerk) committed(now time.Time, d checkpoint.NotifyCommit, err error) []checkpoint.Decision {
	out := k.c.Committed(now, d.ID, err)
	if err != nil {
		k.answer(d.ID, err)
		return out
	}
	k.graph.All(func(t *task.Task) {
		t.Complete(d.ID)
		if k.final == d.ID {
			t.Release()
		}
	})
	k.answer(d.ID, nil)
	k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
		k.graph.All(func(t *task.Task) {
			if err := t.CommitSource(ctx, d.ID); err != nil && ctx.Err() == nil {
				k.Log.Warn("the outside system was not told how far the job has come", "error", err)
			}
		})
		return func(time.Time) []checkpoint.Decision { return nil }
	})
	return out
}

func (k *Clerk) answer(id int64, err error) {
	for _, w := range k.waiting[id] {
		k.later(w, Outcome{ID: id, Err: err})
	}
	delete(k.waiting, id)
}

// later answers at the end of the turn: who asks then what has become of the
// checkpoint is told.
func (k *Clerk) later(to chan<- Outcome, o Outcome) {
	k.answers = append(k.answers, func() { to <- o })
}

func (k *Clerk) answerAll(err error) {
	for kind := range k.wanted {
		for _, w := range k.wanted[kind] {
			k.later(w.out, Outcome{Err: err})
		}
		k.wanted[kind] = nil
	}
	for id := range k.waiting {
		k.answer(id, err)
	}
}

// discard deletes in the background. What cannot be deleted, or not in time, is
// found at the next start.
func (k *Clerk) discard(d checkpoint.Discard) {
	k.Go(func(ctx context.Context) {
		if err := k.owner.Check(ctx); err != nil {
			if errors.Is(err, checkpoint.ErrSuperseded) {
				k.Fail(fmt.Errorf("checkpoints: %w", err))
			}
			return
		}
		for _, id := range d.Checkpoints {
			if err := k.cfg.Store.Delete(ctx, checkpoint.ManifestName(checkpoint.Checkpoint, id)); err != nil {
				return // never a manifest that names files that are gone
			}
		}
		for _, file := range d.Files {
			if err := k.cfg.Store.Delete(ctx, file.Name); err != nil && ctx.Err() == nil {
				k.Log.Warn("a file of an old checkpoint cannot be deleted", "file", file.Name, "error", err)
			}
		}
	})
}
