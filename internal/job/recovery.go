package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
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
// one that was unusable (before, nil for any), and removes what is left of attempts that were given up.
func (c *Config) recover(ctx context.Context, p *graph.Plan, next int64, first bool, before error) (recovery, error) {
	k := c.Checkpoints
	contents, err := c.owner.Scan(ctx)
	if err != nil {
		return recovery{}, err
	}
	garbage, err := c.owner.Garbage(contents)
	if err != nil {
		return recovery{}, err
	}
	if len(garbage) > 0 {
		if err := c.owner.Check(ctx); err != nil {
			return recovery{}, err
		}
	}
	for _, name := range garbage {
		if err := k.Store.Delete(ctx, name); err != nil {
			c.Log.Warn("what is left of an old checkpoint cannot be deleted", "file", name, "error", err)
		}
	}
	out := recovery{next: max(contents.Next(), next)}
	if out.registry, err = contents.Registry(); err != nil {
		return out, err
	}
	m, store, passed, err := c.origin(ctx, contents, first, before)
	switch {
	case err != nil:
		return out, err
	case passed != nil && m != nil:
		if err := doubles(p, m, passed); err != nil {
			return out, err
		}
		fallthrough
	case m == nil:
		return out, nil
	case m.Job != c.Name && (k.From == nil || !first):
		return out, fmt.Errorf("the checkpoints there are of a job %q, not of %q: give each job a place of its own", m.Job, c.Name)
	}
	out.restored = &task.Restored{Manifest: m, Store: store, AllowUnclaimed: k.AllowUnclaimed}
	if err := out.restored.Check(p); err != nil {
		return out, fmt.Errorf("the job cannot go on from %s %d: %w", m.Kind, m.ID, err)
	}
	return out, nil
}

// origin is the checkpoint to go on from, and where it is. passed says why newer
// ones were passed over, nil if there are none, or if the user has chosen.
func (c *Config) origin(ctx context.Context, contents *checkpoint.Contents, first bool, before error) (m *checkpoint.Manifest, in checkpoint.Store, passed error, err error) {
	k := c.Checkpoints
	if first && k.From != nil {
		if before != nil {
			return nil, nil, nil, before // what was asked for is damaged
		}
		from, err := checkpoint.Scan(ctx, k.From.Store)
		if err != nil {
			return nil, nil, nil, err
		}
		if k.From.ID != 0 {
			m, err := from.Find(k.From.Kind, k.From.ID)
			return m, k.From.Store, nil, err
		}
		m, warnings, err := from.Latest(0)
		c.warn(warnings)
		return m, k.From.Store, errors.Join(warnings...), err
	}
	if first && k.Fresh {
		return nil, nil, nil, nil
	}
	older := int64(0)
	if d := (*unusable)(nil); errors.As(before, &d) {
		older = d.id
	}
	m, warnings, err := contents.Latest(older)
	c.warn(warnings)
	switch {
	case errors.Is(err, checkpoint.ErrNone) && before == nil:
		return nil, nil, nil, nil
	case errors.Is(err, checkpoint.ErrNone):
		return nil, nil, nil, before
	}
	return m, k.Store, errors.Join(append(warnings, before)...), err
}

// unusable is a checkpoint that turned out to be damaged when it was read.
type unusable struct {
	kind checkpoint.Kind
	id   int64
	err  error
}

// Error says which one it is.
func (u *unusable) Error() string {
	return fmt.Sprintf("%s %d cannot be used: %v", u.kind, u.id, u.err)
}

// Unwrap gives the damage.
func (u *unusable) Unwrap() error { return u.err }

// doubles refuses to go on from an older checkpoint where a newer one is damaged,
// if what sinks have committed since would be delivered again.
func doubles(p *graph.Plan, m *checkpoint.Manifest, damage error) error {
	for _, n := range p.Nodes {
		if n.Sink == nil {
			continue
		}
		if _, ok := n.Sink.Unwrap().(connector.Recoverer); !ok {
			continue
		}
		return fmt.Errorf("%w; there is an older one, %s, but what %q has delivered since then would be delivered twice. To accept that, start from that one by its path; to begin from the beginning, start from none",
			damage, checkpoint.DirectoryName(m.Kind, m.ID), n.Name)
	}
	return nil
}

func (c *Config) warn(list []error) {
	for _, w := range list {
		c.Log.Warn("a checkpoint is passed over", "error", w)
	}
}

// recoverSinks finishes what sinks had prepared, before anything is opened.
func (c *Config) recoverSinks(ctx context.Context, p *graph.Plan, r *task.Restored) error {
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
		if err := s.Recover(ctx, connector.Recovery{Job: c.Name, Operator: n.Name, Prepared: handles, Parallelism: was, Next: p.Parallelism[id]}); err != nil {
			return &task.Failure{Operator: n.Name, Err: fmt.Errorf("what was written before cannot be finished: %w", err)}
		}
	}
	return nil
}

// Rehearse builds an attempt of a job on simulated surroundings, from the latest
// checkpoint in its store, for tests that schedule its tasks themselves. Nothing
// is opened, but what sinks had prepared is finished. The attempt takes the store
// over from the one before.
func Rehearse(ctx context.Context, cfg Config, nodes []*graph.Node, hosts Hosts, number int, on Surroundings) (*Graph, *Clerk, error) {
	cfg.fill()
	p, err := graph.Build(nodes, cfg.Defaults)
	if err != nil {
		return nil, nil, err
	}
	if cfg.owner, err = checkpoint.Own(ctx, cfg.Checkpoints.Store); err != nil {
		return nil, nil, err
	}
	r, err := cfg.recover(ctx, p, 0, number == 1, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := cfg.recoverSinks(ctx, p, r.restored); err != nil {
		return nil, nil, err
	}
	return build(cfg, nodes, hosts, number, r, on)
}
