package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/task"
)

// clerk carries out what the coordinator of one attempt decides. Its goroutine
// owns the coordinator; everybody else posts to it.
type clerk struct {
	cfg     *Checkpointing
	graph   *Graph
	attempt int
	ctx     context.Context
	work    *sync.WaitGroup
	fail    func(error)
	log     func(msg string, args ...any)

	mu      sync.Mutex
	posted  []func(now time.Time) []checkpoint.Decision
	signal  chan struct{}
	history []checkpoint.Record
	next    int64

	c       *checkpoint.Coordinator
	tasks   map[checkpoint.Subtask]*task.Task
	wanted  [2][]chan<- Outcome            // by kind, that have not begun
	waiting map[int64][]chan<- Outcome     // by checkpoint under way
	drained map[checkpoint.Subtask]bool    // sinks that have processed everything
	ended   map[checkpoint.Subtask]bool    // others that have ended
	final   int64                          // the checkpoint that ends the job, 0 none yet
	closing bool                           // it has been asked for
	deletes chan func(ctx context.Context) // in order
}

// Outcome of a checkpoint that somebody asked for.
type Outcome struct {
	ID  int64
	Err error
}

// newClerk makes the coordinator of an attempt.
func newClerk(j *Job, a *attempt, r recovery) (*clerk, error) {
	c := j.cfg.Checkpoints
	k := &clerk{cfg: c, graph: a.graph, attempt: a.number, ctx: a.ctx, work: &a.work, fail: a.fail, log: j.cfg.Log.Warn,
		signal: make(chan struct{}, 1), tasks: map[checkpoint.Subtask]*task.Task{}, waiting: map[int64][]chan<- Outcome{},
		drained: map[checkpoint.Subtask]bool{}, ended: map[checkpoint.Subtask]bool{}, deletes: make(chan func(context.Context), 64), next: r.next}
	var err error
	k.c, err = checkpoint.NewCoordinator(checkpoint.Config{Job: j.cfg.Name, KeyGroups: event.KeyGroups,
		Interval: c.Interval, MinPause: c.MinPause, Timeout: c.Timeout, Tolerated: c.Tolerated,
		AtLeastOnce: c.AtLeastOnce, UnalignedAfter: c.UnalignedAfter, Retain: c.Retain, History: 32}, describe(a.graph.Plan), r.registry, r.next, time.Now())
	for i, list := range a.graph.Tasks {
		for s, t := range list {
			k.tasks[checkpoint.Subtask{Task: chainName(a.graph.Plan, i), Index: s}] = t
		}
	}
	return k, err
}

// nextID is the first number that no checkpoint of the attempt has had.
func (k *clerk) nextID() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.next
}

// describe lists the tasks of a plan for the coordinator.
func describe(p *graph.Plan) []checkpoint.Task {
	name := func(chain int) string { return chainName(p, chain) }
	out := make([]checkpoint.Task, 0, len(p.Chains))
	for i := range p.Chains {
		c := &p.Chains[i]
		t := checkpoint.Task{Name: name(i), Parallelism: c.Parallelism}
		for _, n := range c.Nodes {
			t.Operators = append(t.Operators, p.Nodes[n].Name)
		}
		for _, e := range c.In {
			t.Inputs = append(t.Inputs, checkpoint.Input{Task: name(p.ChainOf[e.From]), Forward: e.Input.Partition == event.Forward})
		}
		out = append(out, t)
	}
	return out
}

func chainName(p *graph.Plan, chain int) string {
	s := ""
	for i, n := range p.Chains[chain].Nodes {
		if i > 0 {
			s += " -> "
		}
		s += p.Nodes[n].Name
	}
	return s
}

// post hands something to the clerk's goroutine. The queue is bounded by what
// tasks can say: an answer for each checkpoint, an end.
func (k *clerk) post(f func(now time.Time) []checkpoint.Decision) {
	k.mu.Lock()
	k.posted = append(k.posted, f)
	k.mu.Unlock()
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

// Acknowledge implements task.Checkpoints.
func (k *clerk) Acknowledge(a checkpoint.Acknowledgement) {
	k.post(func(now time.Time) []checkpoint.Decision { return k.c.Acknowledge(now, a) })
}

// Decline implements task.Checkpoints.
func (k *clerk) Decline(d checkpoint.Decline) {
	k.post(func(now time.Time) []checkpoint.Decision { return k.c.Decline(now, d) })
}

// Finished implements task.Checkpoints.
func (k *clerk) Finished(s checkpoint.Subtask, final checkpoint.Part) {
	k.post(func(now time.Time) []checkpoint.Decision {
		k.ended[s] = true
		out := k.c.Finished(now, s, final)
		return append(out, k.last(now)...)
	})
}

// Drained implements task.Checkpoints.
func (k *clerk) Drained(s checkpoint.Subtask) {
	k.post(func(now time.Time) []checkpoint.Decision {
		k.drained[s] = true
		return k.last(now)
	})
}

// Store implements task.Checkpoints.
func (k *clerk) Store() checkpoint.Store { return k.cfg.Store }

// FileName implements task.Checkpoints.
func (k *clerk) FileName(b checkpoint.Barrier, rest string) string {
	return checkpoint.FileName(b.Kind, b.ID, fmt.Sprintf("%d-%s", k.attempt, rest))
}

// last asks for the checkpoint that commits what sinks have written, when all
// that is left of the job are these sinks.
func (k *clerk) last(now time.Time) []checkpoint.Decision {
	if k.closing || len(k.drained) == 0 {
		return nil
	}
	for s := range k.tasks {
		if !k.drained[s] && !k.ended[s] {
			return nil
		}
	}
	k.closing = true
	return k.c.Trigger(now, checkpoint.Checkpoint)
}

// trigger asks for a checkpoint; the outcome comes when it is committed, or has
// failed. The channel must have room for it.
func (k *clerk) trigger(kind checkpoint.Kind, out chan<- Outcome) {
	k.post(func(now time.Time) []checkpoint.Decision {
		k.wanted[kind] = append(k.wanted[kind], out)
		return k.c.Trigger(now, kind)
	})
}

// run is the clerk's goroutine, until stop is closed.
func (k *clerk) run(stop <-chan struct{}) {
	deleted := make(chan struct{})
	go func() {
		defer close(deleted)
		for f := range k.deletes {
			f(k.ctx)
		}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer func() {
		close(k.deletes)
		<-deleted
		k.answerAll(errors.New("the job has ended"))
	}()
	for {
		k.look()
		wait := time.Hour
		if at, ok := k.c.Due(); ok {
			wait = max(time.Until(at), 0)
		}
		timer.Reset(wait)
		select {
		case <-stop:
			k.drainPosts()
			return
		case <-k.signal:
			k.drainPosts()
		case <-timer.C:
			k.carryOut(k.c.Tick(time.Now()))
		}
	}
}

func (k *clerk) drainPosts() {
	k.mu.Lock()
	list := k.posted
	k.posted = nil
	k.mu.Unlock()
	for _, f := range list {
		k.carryOut(f(time.Now()))
	}
}

// look publishes what is known, for others to read.
func (k *clerk) look() {
	h := k.c.History()
	k.mu.Lock()
	k.history = h
	k.mu.Unlock()
}

// History tells of checkpoints, newest first. Any goroutine may ask.
func (k *clerk) History() []checkpoint.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.history
}

func (k *clerk) carryOut(list []checkpoint.Decision) {
	for _, d := range list {
		switch d := d.(type) {
		case checkpoint.Inject:
			k.begin(d)
		case checkpoint.WriteManifest:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := putManifest(ctx, k.cfg.Store, d.Manifest)
				return func(now time.Time) []checkpoint.Decision { return k.c.ManifestWritten(now, d.Manifest.ID, err) }
			})
		case checkpoint.Withdraw:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := k.cfg.Store.Delete(ctx, checkpoint.ManifestName(d.Kind, d.ID))
				return func(now time.Time) []checkpoint.Decision { return k.c.Withdrawn(now, d.ID, err) }
			})
		case checkpoint.NotifyCommit:
			k.outside(func(ctx context.Context) func(time.Time) []checkpoint.Decision {
				err := k.commit(ctx, d.ID)
				return func(now time.Time) []checkpoint.Decision { return k.committed(now, d, err) }
			})
		case checkpoint.Abort:
			k.log("a checkpoint was given up", "kind", d.Kind.String(), "id", d.ID, "reason", d.Reason)
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
				w <- Outcome{Err: errors.New(d.Reason)}
			}
			k.wanted[d.Kind] = nil
		case checkpoint.FailJob:
			k.fail(fmt.Errorf("checkpoints: %s", d.Reason))
		}
	}
}

// begin gives a barrier to tasks.
func (k *clerk) begin(d checkpoint.Inject) {
	b := d.Barrier
	k.mu.Lock()
	k.next = max(k.next, b.ID+1)
	k.mu.Unlock()
	if list := k.wanted[b.Kind]; len(list) > 0 {
		k.waiting[b.ID] = append(k.waiting[b.ID], list...)
		k.wanted[b.Kind] = nil
	}
	if k.closing && k.final == 0 {
		k.final = b.ID
	}
	for _, s := range d.Into {
		k.tasks[s].Inject(b)
	}
}

// outside runs what may wait on a goroutine of the attempt, and posts what
// follows from it.
func (k *clerk) outside(f func(ctx context.Context) func(time.Time) []checkpoint.Decision) {
	k.work.Add(1)
	go func() {
		defer k.work.Done()
		k.post(f(k.ctx))
	}()
}

// putManifest stores a manifest, in one piece.
func putManifest(ctx context.Context, s checkpoint.Store, m *checkpoint.Manifest) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	return checkpoint.Put(ctx, s, checkpoint.ManifestName(m.Kind, m.ID), b)
}

// commit lets every sink commit what it has prepared.
func (k *clerk) commit(ctx context.Context, id int64) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []error
	k.graph.All(func(t *task.Task) {
		wg.Go(func() {
			if err := t.CommitSink(ctx, id); err != nil {
				mu.Lock()
				all = append(all, err)
				mu.Unlock()
			}
		})
	})
	wg.Wait()
	return errors.Join(all...)
}

// committed tells everybody that a checkpoint is complete.
func (k *clerk) committed(now time.Time, d checkpoint.NotifyCommit, err error) []checkpoint.Decision {
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
				k.log("the outside system was not told how far the job has come", "error", err)
			}
		})
		return func(time.Time) []checkpoint.Decision { return nil }
	})
	return out
}

func (k *clerk) answer(id int64, err error) {
	for _, w := range k.waiting[id] {
		w <- Outcome{ID: id, Err: err}
	}
	delete(k.waiting, id)
}

func (k *clerk) answerAll(err error) {
	for kind := range k.wanted {
		for _, w := range k.wanted[kind] {
			w <- Outcome{Err: err}
		}
		k.wanted[kind] = nil
	}
	for id := range k.waiting {
		k.answer(id, err)
	}
}

// discard deletes in the background, one after the other. What cannot be
// deleted, or not in time, is found at the next start.
func (k *clerk) discard(d checkpoint.Discard) {
	f := func(ctx context.Context) {
		for _, id := range d.Checkpoints {
			if err := k.cfg.Store.Delete(ctx, checkpoint.ManifestName(checkpoint.Checkpoint, id)); err != nil {
				return // never a manifest that names files that are gone
			}
		}
		for _, file := range d.Files {
			if err := k.cfg.Store.Delete(ctx, file.Name); err != nil && ctx.Err() == nil {
				k.log("a file of an old checkpoint cannot be deleted", "file", file.Name, "error", err)
			}
		}
	}
	select {
	case k.deletes <- f:
	default:
		k.log("files of old checkpoints are left for the next start: deleting is too slow")
	}
}
