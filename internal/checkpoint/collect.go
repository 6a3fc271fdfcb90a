package checkpoint

import (
	"fmt"
	"slices"
	"time"
)

// decide ends every input: a checkpoint begins if it is time.
func (c *Coordinator) decide(now time.Time) []Decision {
	if c.pending != nil || c.closed != "" {
		return c.out
	}
	if c.running == 0 {
		for kind, wanted := range c.wanted {
			if wanted {
				c.out = append(c.out, Refuse{Kind(kind), "the job has finished"})
			}
		}
		c.wanted = [2]bool{}
		return c.out
	}
	at, ok := c.Due()
	due := ok && !now.Before(at)
	switch {
	case c.wanted[Savepoint]:
		c.begin(now, Savepoint)
	case c.wanted[Checkpoint] || due:
		c.began = now
		c.begin(now, Checkpoint)
	}
	return c.out
}

func (c *Coordinator) begin(now time.Time, kind Kind) {
	c.wanted[kind] = false
	b := Barrier{ID: c.next, Kind: kind, Time: now, AtLeastOnce: c.cfg.AtLeastOnce, UnalignedAfter: c.cfg.UnalignedAfter}
	if kind == Savepoint {
		b.UnalignedAfter = -1
	}
	c.next++
	p := &pending{barrier: b, waiting: map[Subtask]bool{}, injected: map[Subtask]bool{}, passed: map[Subtask]bool{}, ended: map[Subtask]bool{}, parts: map[Subtask]Part{}}
	for s := range c.subtasks {
		if final, ok := c.finished[s]; ok {
			p.parts[s] = final
		} else {
			p.waiting[s] = true
		}
	}
	p.record = &Record{ID: b.ID, Kind: kind, Phase: "collecting", Began: now, Expected: len(p.waiting)}
	c.pending = p
	c.inject()
}

// inject gives the barrier to the subtasks that wait for it and that nobody
// will bring it to: all that send to them have finished, or ended their outputs,
// and none of these has passed it on. What a subtask that has passed it on sent is
// in the channel, the barrier with it.
func (c *Coordinator) inject() {
	p := c.pending
	var into []Subtask
	for s := range c.subtasks {
		if p.waiting[s] && !p.injected[s] && c.orphan(s) {
			p.injected[s] = true
			into = append(into, s)
		}
	}
	if into != nil {
		c.out = append(c.out, Inject{p.barrier, into})
	}
}

func (c *Coordinator) orphan(s Subtask) bool {
	for _, in := range c.tasks[c.position[s.Task]].Inputs {
		first, last := 0, c.tasks[c.position[in.Task]].Parallelism-1
		if in.Forward {
			first, last = s.Index, s.Index
		}
		for i := first; i <= last; i++ {
			from := Subtask{in.Task, i}
			if c.pending.ended[from] {
				continue
			}
			if _, ok := c.finished[from]; !ok || c.pending.passed[from] {
				return false
			}
		}
	}
	return true
}

// subtasks yields all subtasks in order.
func (c *Coordinator) subtasks(yield func(Subtask) bool) {
	for _, t := range c.tasks {
		for i := range t.Parallelism {
			if !yield(Subtask{t.Name, i}) {
				return
			}
		}
	}
}

// silent names a subtask that has not acknowledged, and counts the others.
func (c *Coordinator) silent() string {
	for s := range c.subtasks {
		if c.pending.waiting[s] {
			if n := len(c.pending.waiting) - 1; n > 0 {
				return fmt.Sprintf("%s and %d more", s, n)
			}
			return s.String()
		}
	}
	return "nobody"
}

// checkPart refuses a part that refers to files that may be gone.
func (c *Coordinator) checkPart(a Acknowledgement) error {
	for _, f := range a.Part.Files {
		switch {
		case f.Checkpoint == a.ID:
		case c.pending.barrier.Kind == Savepoint:
			return fmt.Errorf("a savepoint shares no files, but it refers to %s", f.Name)
		case !c.registry.Shares(f):
			return fmt.Errorf("it refers to %s, which belongs to no complete checkpoint", f.Name)
		}
	}
	return nil
}

// written are the files that were written for a checkpoint and that no
// complete one needs.
func (c *Coordinator) written(id int64, files []File) []File {
	var out []File
	for _, f := range files {
		if id != c.doubtful && f.Checkpoint == id && !c.registry.Needs(f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// collected goes on when all subtasks have acknowledged.
func (c *Coordinator) collected(now time.Time) {
	p := c.pending
	m, err := c.assemble()
	if err != nil {
		c.abort(now, err.Error(), true)
		return
	}
	p.manifest, p.phase = m, writing
	p.record.Phase, p.record.Collected = "writing", now
	c.out = append(c.out, WriteManifest{m})
}

// assemble makes the manifest of the parts.
func (c *Coordinator) assemble() (*Manifest, error) {
	p := c.pending
	m := &Manifest{Job: c.cfg.Job, ID: p.barrier.ID, Kind: p.barrier.Kind, Time: p.barrier.Time.UTC(), KeyGroups: c.cfg.KeyGroups}
	files := map[string]File{}
	for _, t := range c.tasks {
		first := len(m.Operators)
		at := map[string]int{}
		for i, name := range t.Operators {
			at[name] = first + i
			m.Operators = append(m.Operators, Operator{Name: name, Parallelism: t.Parallelism})
		}
		for i := range t.Parallelism {
			s := Subtask{t.Name, i}
			_, finished := c.finished[s]
			finished = finished && !p.passed[s]
			part := p.parts[s]
			for _, f := range part.Files {
				if old, ok := files[f.Name]; ok && old != f {
					return nil, fmt.Errorf("%s has a file %s that another subtask has too, but not the same", s, f.Name)
				}
				files[f.Name] = f
			}
			m.InFlight = append(m.InFlight, part.InFlight...)
			states := make(map[string]SubtaskState, len(part.Operators))
			for _, o := range part.Operators {
				if _, ok := at[o.Operator]; !ok {
					return nil, fmt.Errorf("%s has state of an operator %q, which is not in its chain", s, o.Operator)
				}
				states[o.Operator] = o.State
			}
			for _, name := range t.Operators {
				state, ok := states[name]
				if !ok && !finished {
					continue
				}
				state.Index, state.Finished = i, finished
				o := &m.Operators[at[name]]
				o.Subtasks = append(o.Subtasks, state)
			}
		}
	}
	for _, f := range files {
		m.Files = append(m.Files, f)
	}
	slices.SortFunc(m.Files, compareFiles)
	return m, m.Check()
}

// retire forgets the checkpoints beyond those that are retained.
func (c *Coordinator) retire() {
	ids := c.registry.IDs(Checkpoint)
	if len(ids) <= c.cfg.Retain {
		return
	}
	ids = ids[:len(ids)-c.cfg.Retain]
	var free []File
	for _, id := range ids {
		free = append(free, c.registry.Remove(id)...)
	}
	c.discard(ids, free)
}

func (c *Coordinator) discard(checkpoints []int64, files []File) {
	if len(checkpoints)+len(files) > 0 {
		c.out = append(c.out, Discard{checkpoints, files})
	}
}

// abort gives the pending checkpoint up, and the job too if that happens too
// often. More are files that were written for it and not acknowledged.
func (c *Coordinator) abort(now time.Time, reason string, counts bool, more ...File) {
	p := c.pending
	garbage := more
	for s := range c.subtasks {
		garbage = append(garbage, c.written(p.barrier.ID, p.parts[s].Files)...)
	}
	slices.SortFunc(garbage, compareFiles)
	garbage = slices.CompactFunc(garbage, func(a, b File) bool { return a.Name == b.Name })
	c.out = append(c.out, Abort{p.barrier.Kind, p.barrier.ID, reason})
	c.discard(nil, garbage)
	c.end(now, "aborted", reason)
	if !counts || p.barrier.Kind == Savepoint {
		return
	}
	c.failures++
	if c.cfg.Tolerated >= 0 && c.failures > c.cfg.Tolerated {
		c.fail(now, fmt.Sprintf("checkpoint %d has failed (%d in a row, %d are tolerated): %s", p.barrier.ID, c.failures, c.cfg.Tolerated, reason))
	}
}

// end puts the pending checkpoint into the history.
func (c *Coordinator) end(now time.Time, phase, reason string) {
	r := c.pending.record
	r.Phase, r.Reason, r.Ended = phase, reason, now
	c.history.push(r)
	c.pending, c.ended = nil, now
}

// fail gives the job up. What is being collected is discarded; of what is being
// written nobody knows.
func (c *Coordinator) fail(now time.Time, reason string) {
	c.failBy(now, FailJob{Reason: reason})
}

// supersede gives the job up to another process: not even what is left of it is
// discarded.
func (c *Coordinator) supersede(now time.Time, err error) {
	c.failBy(now, FailJob{Reason: err.Error(), Superseded: err})
}

func (c *Coordinator) failBy(now time.Time, d FailJob) {
	reason := d.Reason
	if c.failed {
		return
	}
	c.close(now, "the job has failed: "+reason)
	if p := c.pending; p != nil {
		if p.phase != committing {
			c.doubtful = p.barrier.ID
		}
		c.end(now, "failed", reason)
	}
	c.failed = true
	c.out = append(c.out, d)
}

func (c *Coordinator) close(now time.Time, reason string) {
	if c.closed == "" {
		c.closed = reason
	}
	for kind, wanted := range c.wanted {
		if wanted {
			c.out = append(c.out, Refuse{Kind(kind), c.closed})
		}
	}
	c.wanted = [2]bool{}
	if p := c.pending; p != nil && p.phase == collecting {
		c.abort(now, reason, false)
	}
}
