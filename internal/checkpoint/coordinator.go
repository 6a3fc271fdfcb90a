package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config of the coordinator of a job.
type Config struct {
	Job       string
	KeyGroups int
	// Interval is the time from the beginning of one checkpoint to that of the
	// next; 0 for checkpoints on demand only.
	Interval time.Duration
	// MinPause is the least time from the end of a checkpoint to the beginning
	// of the next by the interval.
	MinPause time.Duration
	// Timeout is how long the subtasks may take to acknowledge; 0 is for ever.
	Timeout time.Duration
	// Tolerated is how many checkpoints may fail in a row before the job fails;
	// negative for any number. Savepoints do not count.
	Tolerated int
	// AtLeastOnce and UnalignedAfter go into the barriers, see [Barrier].
	AtLeastOnce    bool
	UnalignedAfter time.Duration
	// Retain is how many complete checkpoints are kept; 1 at least.
	Retain int
	// History is how many past checkpoints [Coordinator.History] tells of.
	History int
}

// Coordinator decides about the checkpoints of one attempt of a job: at most
// one is under way. Its methods take what happened and when, and return what to
// do, in order. Times never go back.
//
// Messages of an earlier attempt must not reach it. When a job is recovered,
// there is a new one.
type Coordinator struct {
	cfg      Config
	tasks    []Task
	position map[string]int // of a task
	finished map[Subtask]Part
	running  int // subtasks that have not finished
	registry *Registry

	next     int64 // id
	pending  *pending
	wanted   [2]bool   // by kind, on demand
	began    time.Time // the last checkpoint by the interval, or this attempt
	ended    time.Time // the last one of any kind
	failures int       // in a row
	closed   string    // why no more begin, "" if they do
	failed   bool
	// doubtful is a checkpoint of which it is not known whether its manifest
	// exists, 0 if none: its files stay.
	doubtful int64
	history  history

	out []Decision
}

// phase of the checkpoint under way.
type phase uint8

const (
	collecting  phase = iota // acknowledgements
	writing                  // the manifest
	withdrawing              // the manifest, after an error
	committing
)

type pending struct {
	barrier  Barrier
	phase    phase
	waiting  map[Subtask]bool // have not acknowledged
	injected map[Subtask]bool
	passed   map[Subtask]bool // have acknowledged, and so passed the barrier on
	ended    map[Subtask]bool // have acknowledged, and passed it on to nobody
	parts    map[Subtask]Part
	manifest *Manifest
	failure  string // why it is withdrawn
	record   *Record
}

// NewCoordinator starts at now. The registry is that of the complete
// checkpoints in the store, and becomes the coordinator's; next is the id of
// the first checkpoint: larger than any that the store has ever seen, complete
// or not (see [Contents.Next]). Tasks are listed with those that send before
// those that receive.
func NewCoordinator(cfg Config, tasks []Task, registry *Registry, next int64, now time.Time) (*Coordinator, error) {
	cfg.Retain = max(cfg.Retain, 1)
	cfg.History = max(cfg.History, 0)
	c := &Coordinator{cfg: cfg, tasks: tasks, position: map[string]int{}, finished: map[Subtask]Part{}, registry: registry, next: next, began: now}
	operators := map[string]bool{}
	for i, t := range tasks {
		if t.Parallelism < 1 {
			return nil, fmt.Errorf("the parallelism of task %q is %d", t.Name, t.Parallelism)
		}
		for _, in := range t.Inputs {
			from, ok := c.position[in.Task]
			if !ok {
				return nil, fmt.Errorf("task %q receives from %q, which is not listed before it", t.Name, in.Task)
			}
			if in.Forward && tasks[from].Parallelism != t.Parallelism {
				return nil, fmt.Errorf("task %q with %d subtasks receives one to one from %q, which has %d", t.Name, t.Parallelism, in.Task, tasks[from].Parallelism)
			}
		}
		for _, o := range t.Operators {
			if operators[o] {
				return nil, fmt.Errorf("two operators are named %q", o)
			}
			operators[o] = true
		}
		if _, ok := c.position[t.Name]; ok {
			return nil, fmt.Errorf("two tasks are named %q", t.Name)
		}
		c.position[t.Name] = i
		c.running += t.Parallelism
	}
	if ids := append(registry.IDs(Checkpoint), registry.IDs(Savepoint)...); len(ids) > 0 && next <= slices.Max(ids) {
		return nil, fmt.Errorf("the next checkpoint would be %d, but there is a checkpoint %d", next, slices.Max(ids))
	}
	c.next = max(next, 1)
	c.history.limit = cfg.History
	return c, nil
}

// Tick says what time it is. It is due at [Coordinator.Due].
func (c *Coordinator) Tick(now time.Time) []Decision {
	c.out = nil
	if p := c.pending; p != nil && p.phase == collecting && c.cfg.Timeout > 0 && !now.Before(p.barrier.Time.Add(c.cfg.Timeout)) {
		c.abort(now, fmt.Sprintf("%s did not acknowledge within %s", c.silent(), c.cfg.Timeout), true)
	}
	return c.decide(now)
}

// Trigger asks for a checkpoint or a savepoint. It begins as soon as none is
// under way; one that is asked for again before it begins is one. The answer is
// an Inject of that kind, or Refuse.
func (c *Coordinator) Trigger(now time.Time, kind Kind) []Decision {
	c.out = nil
	switch {
	case kind > Savepoint:
		c.out = append(c.out, Refuse{kind, "there is no such kind"})
	case c.closed != "":
		c.out = append(c.out, Refuse{kind, c.closed})
	case c.running == 0:
		c.out = append(c.out, Refuse{kind, "the job has finished"})
	default:
		c.wanted[kind] = true
	}
	return c.decide(now)
}

// Acknowledge takes a subtask's part. Files of a checkpoint that was given up
// meanwhile are discarded.
func (c *Coordinator) Acknowledge(now time.Time, a Acknowledgement) []Decision {
	c.out = nil
	p := c.pending
	if p == nil || p.barrier.ID != a.ID {
		c.discard(nil, c.written(a.ID, a.Part.Files))
		return c.decide(now)
	}
	if p.phase != collecting || !p.waiting[a.Subtask] {
		return c.decide(now) // again
	}
	delete(p.waiting, a.Subtask)
	if a.Ended {
		p.ended[a.Subtask] = true
	} else {
		p.passed[a.Subtask] = true
	}
	p.parts[a.Subtask] = a.Part
	p.record.add(now, a.Subtask, a.Metrics)
	if err := c.checkPart(a); err != nil {
		c.abort(now, fmt.Sprintf("%s: %v", a.Subtask, err), true)
	} else if len(p.waiting) == 0 {
		c.collected(now)
	} else if a.Ended {
		c.inject()
	}
	return c.decide(now)
}

// Decline gives the checkpoint up.
func (c *Coordinator) Decline(now time.Time, d Decline) []Decision {
	c.out = nil
	garbage := c.written(d.ID, d.Files)
	switch p := c.pending; {
	case p == nil || p.barrier.ID != d.ID:
		c.discard(nil, garbage)
	case p.phase == collecting && p.waiting[d.Subtask]:
		c.abort(now, fmt.Sprintf("%s: %s", d.Subtask, d.Reason), true, garbage...)
	}
	return c.decide(now)
}

// Finished says that a subtask has ended, all it sent is on its way, and
// nothing more comes from it: it has acknowledged the checkpoints whose barrier
// it has passed on. The final part stands for it in this and all later
// checkpoints; it holds no ranges of files, since those would have to be kept.
func (c *Coordinator) Finished(now time.Time, s Subtask, final Part) []Decision {
	c.out = nil
	if _, again := c.finished[s]; again {
		return c.decide(now)
	}
	c.finished[s] = final
	c.running--
	if len(final.Files)+len(final.InFlight) > 0 {
		c.fail(now, fmt.Sprintf("%s has ended with files in its final state", s))
		return c.decide(now)
	}
	if p := c.pending; p != nil && p.phase == collecting {
		if p.waiting[s] {
			delete(p.waiting, s)
			p.parts[s] = final
		}
		if len(p.waiting) == 0 {
			c.collected(now)
		} else {
			c.inject()
		}
	}
	return c.decide(now)
}

// ManifestWritten answers WriteManifest. With an error, it is not known whether
// the manifest is there. With [ErrExists] another one is: somebody else writes
// checkpoints of this job, whose manifest must not be deleted. Whoever tries to
// write again after an error must tell the two apart. With [ErrSuperseded] the
// manifest is not there, and another process goes on.
func (c *Coordinator) ManifestWritten(now time.Time, id int64, err error) []Decision {
	c.out = nil
	p := c.pending
	if p == nil || p.barrier.ID != id || p.phase != writing {
		return c.decide(now)
	}
	kind := p.barrier.Kind
	if errors.Is(err, ErrSuperseded) {
		c.supersede(now, err)
		return c.decide(now)
	}
	if errors.Is(err, ErrExists) {
		c.fail(now, fmt.Sprintf("the manifest of %s %d is there already: another process writes checkpoints to the same place", kind, id))
		return c.decide(now)
	}
	if err != nil {
		p.phase, p.failure = withdrawing, fmt.Sprintf("its manifest could not be written: %v", err)
		p.record.Phase = "withdrawing"
		c.out = append(c.out, Withdraw{kind, id})
		return c.decide(now)
	}
	if err := c.registry.Add(id, kind, p.manifest.Files); err != nil {
		c.fail(now, err.Error())
		return c.decide(now)
	}
	p.phase = committing
	p.record.Phase, p.record.Written = "committing", now
	c.out = append(c.out, NotifyCommit{kind, id})
	if kind == Checkpoint {
		c.failures = 0
		c.retire()
	}
	return c.decide(now)
}

// Withdrawn answers Withdraw. With an error nobody knows whether the checkpoint
// exists, so that the job must be recovered from what is really there: with
// [ErrSuperseded] by the other process.
func (c *Coordinator) Withdrawn(now time.Time, id int64, err error) []Decision {
	c.out = nil
	p := c.pending
	if p == nil || p.barrier.ID != id || p.phase != withdrawing {
		return c.decide(now)
	}
	if errors.Is(err, ErrSuperseded) {
		c.supersede(now, err)
		return c.decide(now)
	}
	if err != nil {
		c.fail(now, fmt.Sprintf("%s %d: %s, and it could not be deleted either: %v", p.barrier.Kind, id, p.failure, err))
		return c.decide(now)
	}
	c.abort(now, p.failure, true)
	return c.decide(now)
}

// Committed answers NotifyCommit, when every sink has committed. With an error
// the job must be recovered: it commits again what is in the manifest.
func (c *Coordinator) Committed(now time.Time, id int64, err error) []Decision {
	c.out = nil
	p := c.pending
	if p == nil || p.barrier.ID != id || p.phase != committing {
		return c.decide(now)
	}
	if err != nil {
		reason := fmt.Sprintf("%s %d is complete, but what was prepared could not be committed: %v", p.barrier.Kind, id, err)
		c.end(now, "complete", reason)
		c.fail(now, reason)
		return c.decide(now)
	}
	c.end(now, "complete", "")
	return c.decide(now)
}

// Close lets no more checkpoints begin. One that is being collected is aborted;
// one whose manifest is being written, or that is being committed, goes on.
func (c *Coordinator) Close(now time.Time, reason string) []Decision {
	c.out = nil
	c.close(now, reason)
	return c.out
}

// Due is when [Coordinator.Tick] has something to do; false if it has not.
func (c *Coordinator) Due() (time.Time, bool) {
	switch p := c.pending; {
	case p != nil && p.phase == collecting && c.cfg.Timeout > 0:
		return p.barrier.Time.Add(c.cfg.Timeout), true
	case p != nil || c.closed != "" || c.cfg.Interval <= 0 || c.running == 0:
		return time.Time{}, false
	}
	at := c.began.Add(c.cfg.Interval)
	if pause := c.ended.Add(c.cfg.MinPause); !c.ended.IsZero() && pause.After(at) {
		at = pause
	}
	return at, true
}

// Complete are the checkpoints that can be recovered from, oldest first;
// savepoints are not among them.
func (c *Coordinator) Complete() []int64 { return c.registry.IDs(Checkpoint) }
