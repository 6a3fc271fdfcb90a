package simtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
)

// CrashResult is what is known of a simulation with crashes.
type CrashResult struct {
	Shape     string
	Crashes   int
	Recovered int // attempts that went on from a checkpoint
	Rescaled  int // of those, with another parallelism
	Complete  int // checkpoints
	Aborted   int
	Unaligned int // complete checkpoints with records in flight
	Referred  int // files of earlier checkpoints in those that attempts went on from
	InFlight  int64
	Records   int
	Delivered int
	Steps     int
}

// SimulateCrashes runs the job of a seed with checkpoints, and lets it crash at
// random steps: in the middle of alignment, of storing, of committing. Each time
// it is started again from its last checkpoint, some of them with another
// parallelism. What is committed in the end is what the plain computation says.
func SimulateCrashes(seed uint64) (CrashResult, error) {
	if seed%3 == 0 {
		return crash[Flat](seed)
	}
	return crash[Wide](seed)
}

func crash[R any, P record[R]](seed uint64) (CrashResult, error) {
	first := newWorld(seed)
	r := first.rng
	cfg := drawn(r, 4)
	cfg.Log = slog.New(slog.DiscardHandler)
	kept := &job.Checkpointing{Store: newShelves(), Interval: time.Duration(1+r.IntN(20)) * time.Millisecond, Timeout: time.Duration(1+r.IntN(2000)) * time.Millisecond,
		Tolerated: -1, Retain: 1 + r.IntN(3), UnalignedAfter: time.Duration(r.IntN(10)) * time.Millisecond}
	switch r.IntN(3) {
	case 0:
		kept.UnalignedAfter = -1
	case 1:
		kept.UnalignedAfter = 0
	}
	apart := []int64{1, 500, 1 << 40}[r.IntN(3)]
	if apart < 1<<40 && r.IntN(2) == 0 { // so often that tables have not changed meanwhile
		kept.Interval = time.Duration(20+r.IntN(500)) * time.Microsecond
	}
	cfg.Checkpoints = kept
	b := &builder[R, P]{w: first, read: map[[2]int]bool{}, sinks: map[int]*sink[R, P]{}, again: r.IntN(2) == 0, apart: apart}
	b.operators(cfg.MaxRecord)
	if timed := slices.IndexFunc(b.open, func(s stream) bool { return s.timed }); apart == 1 && timed >= 0 {
		s := b.open[timed]
		b.open = slices.Delete(b.open, timed, timed+1)
		b.window(s, uint64(len(b.nodes)))
	}
	b.finish()
	for _, k := range b.sinks {
		k.vault = &vault{prepared: map[string][]elem{}}
	}
	res := CrashResult{Shape: b.shape()}
	plan, err := graph.Build(b.nodes, cfg.Defaults)
	if err != nil {
		return res, err
	}
	if err := b.shrink(plan.Parallelism); err != nil {
		return res, err
	}
	for i, s := range b.src {
		s.dealt = plan.Parallelism[i]
	}
	crashes := 1 + r.IntN(6)
	for number := 1; ; number++ {
		last := number > crashes
		w := newWorld(seed + uint64(number)<<32)
		b.on(w)
		before := cfg.Parallelism
		if b.again {
			cfg.Parallelism = 1 + r.IntN(4)
		}
		at := 1 + r.IntN(8000)
		if apart == 1 { // from the second checkpoint of the attempt on
			at %= 500
		}
		if last {
			at, kept.Timeout = maxSteps, time.Minute
		}
		ended, err := b.attempt(w, cfg, number, at, &res)
		if err != nil {
			return res, fmt.Errorf("attempt %d of %d: %w", number, crashes+1, err)
		}
		if cfg.Parallelism != before {
			res.Rescaled++
		}
		if ended {
			break
		}
		res.Crashes++
	}
	return res, b.committed(plan.Parallelism, &res)
}

// on lets the job live in another world.
func (b *builder[R, P]) on(w *world) {
	b.w = w
	for _, s := range b.src {
		s.w = w
	}
	for _, k := range b.sinks {
		k.w = w
	}
}

// attempt runs the job from its last checkpoint until it ends, or crashes at a
// step. Where tables have files of their own, steps are counted from the second
// checkpoint on, which may refer to files of the first.
func (b *builder[R, P]) attempt(w *world, cfg job.Config, number, at int, res *CrashResult) (ended bool, err error) {
	on := job.Surroundings{
		Now: func() time.Time { return time.Unix(0, w.clock) },
		Go: func(f func(context.Context)) {
			w.later(w.delay(), func() { f(context.Background()) })
		},
		Each: func(list []func()) {
			for _, f := range list {
				f()
			}
		},
		Wake: func() { w.later(w.delay(), func() { w.clerk.Turn() }) },
		Fail: func(err error) { w.broken("the checkpoints fail the job: %w", err) },
		Log:  cfg.Log,
	}
	contents, err := checkpoint.Scan(context.Background(), cfg.Checkpoints.Store)
	if err != nil {
		return false, err
	}
	if m, _, err := contents.Latest(0); err == nil {
		res.Recovered++
		for _, f := range m.Files {
			if f.Checkpoint < m.ID {
				res.Referred++
			}
		}
	} else if !errors.Is(err, checkpoint.ErrNone) {
		return false, err
	}
	g, clerk, err := job.Rehearse(context.Background(), cfg, b.nodes, w.host, number, on)
	if err != nil {
		return false, err
	}
	w.clerk = clerk
	if err := w.load(g); err != nil {
		return false, err
	}
	crashed := false
	counts, from := b.apart != 1, 0
	err = w.run(func(step int) bool {
		if !counts && complete(clerk.History()) >= 2 {
			counts, from = true, step
		}
		crashed = counts && step-from >= at
		return !crashed
	})
	res.Steps += w.steps
	for _, c := range clerk.History() {
		switch c.Phase {
		case "complete":
			res.Complete++
			if res.InFlight += c.InFlight; c.InFlight > 0 {
				res.Unaligned++
			}
		case "aborted":
			res.Aborted++
		}
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("%w\n%s", err, w.dump()), w.close())
	}
	if err := w.close(); err != nil {
		return false, err
	}
	if crashed {
		return false, nil
	}
	for i, err := range w.errs {
		if err != nil {
			return false, fmt.Errorf("%s: %w", w.tasks[i].Name(), err)
		}
	}
	return true, b.unhurt(g)
}

// complete counts the checkpoints that are.
func complete(history []checkpoint.Record) (n int) {
	for _, c := range history {
		if c.Phase == "complete" {
			n++
		}
	}
	return n
}

// unhurt checks what must hold of an attempt that has ended well.
func (b *builder[R, P]) unhurt(g *job.Graph) error {
	if now, _ := g.InFlight(); now != 0 {
		return fmt.Errorf("%d bytes are in flight after the end", now)
	}
	for i := range b.nodes {
		for _, t := range g.Tasks[g.Plan.ChainOf[i]] {
			if late := t.Snapshot(i).Late; late != 0 {
				return fmt.Errorf("%s: %d records were late", b.nodes[i].Name, late)
			}
		}
	}
	for _, k := range b.sinks {
		if n := len(k.vault.prepared); n != 0 {
			return fmt.Errorf("%d handles were never committed", n)
		}
	}
	return nil
}

// committed compares what sinks have committed with the model.
func (b *builder[R, P]) committed(parallelism []int, res *CrashResult) error {
	for i, s := range b.src {
		s.read = s.read[:0]
		for sub := range parallelism[i] {
			for k := range s.splits {
				for j := range s.n {
					e := s.made(sub, k, j)
					e.Flat = made[R, P](e.Flat)
					s.read = append(s.read, e)
				}
			}
		}
		res.Records += len(s.read)
	}
	want, _ := b.expect(parallelism, 1<<30)
	for i, n := range b.nodes {
		k := b.sinks[i]
		if k == nil {
			continue
		}
		res.Delivered += len(k.got)
		if d := difference(k.got, want[i][0], b.timed(n.Inputs[0])); d != "" {
			return fmt.Errorf("%s: %s", n.Name, d)
		}
	}
	return nil
}
