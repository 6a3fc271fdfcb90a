package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/task"
)

// Checkpointing says when a job takes checkpoints, where they are, and what it
// starts from.
type Checkpointing struct {
	Store checkpoint.Store
	// See checkpoint.Config.
	Interval, MinPause, Timeout, UnalignedAfter time.Duration
	AtLeastOnce                                 bool
	Tolerated, Retain                           int
	// Fresh starts without a checkpoint, although there may be one.
	Fresh bool
	// From, if it is not nil, is where the first attempt starts from instead of
	// the latest checkpoint in Store: a savepoint, or one of another job.
	From *Origin
	// AllowUnclaimed drops state that no operator takes up.
	AllowUnclaimed bool
}

// Origin is a certain checkpoint.
type Origin struct {
	Store checkpoint.Store
	Kind  checkpoint.Kind
	// ID is its number, 0 for the newest of any kind.
	ID int64
}

// recovery is what an attempt of a job starts from.
type recovery struct {
	restored *task.Restored // nil: afresh
	registry *checkpoint.Registry
	next     int64
}

// storable tells whether records in flight can be part of a checkpoint, if they
// may have to.
func (j *Job) storable() error {
	if c := j.cfg.Checkpoints; c == nil || c.AtLeastOnce || c.UnalignedAfter < 0 {
		return nil
	}
	for _, e := range j.graph.Edges {
		if _, err := exchange.NewRecordCodec(e.Type); err != nil {
			return fmt.Errorf("records from %q to %q cannot be stored: %w", j.graph.Plan.Nodes[e.From].Name, j.graph.Plan.Nodes[e.To].Name, err)
		}
	}
	return nil
}

// recover looks for the checkpoint that the next attempt starts from, older than
// before (0 for any), and removes what is left of attempts that were given up.
func (j *Job) recover(ctx context.Context, first bool, before int64) (recovery, error) {
	c := j.cfg.Checkpoints
	contents, err := checkpoint.Scan(ctx, c.Store)
	if err != nil {
		return recovery{}, err
	}
	garbage, err := contents.Garbage()
	if err != nil {
		return recovery{}, err
	}
	for _, name := range garbage {
		if err := c.Store.Delete(ctx, name); err != nil {
			j.cfg.Log.Warn("what is left of an old checkpoint cannot be deleted", "file", name, "error", err)
		}
	}
	out := recovery{next: max(contents.Next(), j.next)}
	if out.registry, err = contents.Registry(); err != nil {
		return out, err
	}
	m, store, err := j.origin(ctx, contents, first, before)
	switch {
	case err != nil:
		return out, err
	case m == nil:
		return out, nil
	case m.Job != j.cfg.Name && (c.From == nil || !first):
		return out, fmt.Errorf("the checkpoints there are of a job %q, not of %q: give each job a place of its own", m.Job, j.cfg.Name)
	}
	out.restored = &task.Restored{Manifest: m, Store: store, AllowUnclaimed: c.AllowUnclaimed}
	if err := out.restored.Check(j.graph.Plan); err != nil {
		return out, fmt.Errorf("the job cannot go on from %s %d: %w", m.Kind, m.ID, err)
	}
	return out, nil
}

func (j *Job) origin(ctx context.Context, contents *checkpoint.Contents, first bool, before int64) (*checkpoint.Manifest, checkpoint.Store, error) {
	c := j.cfg.Checkpoints
	if first && before == 0 && c.From != nil {
		from, err := checkpoint.Scan(ctx, c.From.Store)
		if err != nil {
			return nil, nil, err
		}
		if c.From.ID != 0 {
			m, err := from.Find(c.From.Kind, c.From.ID)
			return m, c.From.Store, err
		}
		m, warnings, err := from.Latest(0)
		j.warn(warnings)
		return m, c.From.Store, err
	}
	if first && c.Fresh {
		return nil, nil, nil
	}
	m, warnings, err := contents.Latest(before)
	j.warn(warnings)
	if errors.Is(err, checkpoint.ErrNone) && before == 0 {
		return nil, nil, nil
	}
	return m, c.Store, err
}

func (j *Job) warn(list []error) {
	for _, w := range list {
		j.cfg.Log.Warn("a checkpoint is passed over", "error", w)
	}
}

// recoverSinks finishes what sinks had prepared, before anything is opened.
func (j *Job) recoverSinks(ctx context.Context, r *task.Restored) error {
	p := j.graph.Plan
	for id, n := range p.Nodes {
		if n.Sink == nil {
			continue
		}
		s, ok := n.Sink.Unwrap().(connector.Recoverer)
		handles, was := r.Prepared(n.Name)
		if !ok {
			if len(handles) > 0 {
				return &task.Failure{Operator: n.Name, Err: errors.New("the checkpoint says that it has something to commit, but the sink cannot do that: has it been replaced by another?")}
			}
			continue
		}
		if err := s.Recover(ctx, connector.Recovery{Job: j.cfg.Name, Operator: n.Name, Prepared: handles, Parallelism: was, Next: p.Parallelism[id]}); err != nil {
			return &task.Failure{Operator: n.Name, Err: fmt.Errorf("what was written before cannot be finished: %w", err)}
		}
	}
	return nil
}
