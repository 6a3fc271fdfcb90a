package pressure

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
)

// Config of the experiment.
type Config struct {
	// Count is how many checkpoints are taken of each case, 1 or more; of the one
	// that waits for a window of 10 s, a tenth.
	Count int
	// Rate is what the sink takes, records per second; more than 0.
	Rate float64
	// Dir holds the checkpoints while they are measured.
	Dir string
	// Progress, if set, is told what is being measured.
	Progress func(what string)
}

// Result is what was measured.
type Result struct {
	Cases []Case `json:"cases"`
}

// setting is one way to run the job.
type setting struct {
	name    string
	pressed bool
	window  time.Duration
	after   time.Duration // UnalignedAfter
	goal    time.Duration // of the median, 0 for none
	written bool          // the goal is without the time to write
	share   int           // of Count, one in so many
}

// overtake is when barriers overtake records in the case that allows it.
const overtake = 100 * time.Millisecond

var settings = []setting{
	{"idle", false, 100 * time.Millisecond, afflux.Never, 0, false, 1},
	{"pressed, window 100 ms, aligned", true, 100 * time.Millisecond, afflux.Never, 250 * time.Millisecond, false, 1},
	{"pressed, window 10 s, aligned", true, 10 * time.Second, afflux.Never, 0, false, 10},
	{"pressed, window 10 s, overtaking after 100 ms", true, 10 * time.Second, overtake, 150 * time.Millisecond, true, 1},
}

// record is what flows, 64 bytes with its time.
type record struct {
	key     int64
	payload [6]int64
}

const keys = 10_000

// Run measures every case, one after the other. It takes about two minutes. When
// ctx ends, so does the experiment.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if cfg.Count < 1 || !(cfg.Rate > 0) {
		return nil, fmt.Errorf("%d checkpoints at %g records a second: both must be more than 0", cfg.Count, cfg.Rate)
	}
	res := &Result{}
	for i, s := range settings {
		if cfg.Progress != nil {
			cfg.Progress(s.name)
		}
		c, err := measure(ctx, cfg, s, filepath.Join(cfg.Dir, fmt.Sprint("case-", i)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		res.Cases = append(res.Cases, *c)
	}
	return res, nil
}

// batches bounds an arrow, in batches of 32 KiB: enough for 10 s of records.
const batches = 1024

func build(cfg Config, s setting, dir string) *afflux.Job {
	// What is in flight when the job ends does not matter.
	j := afflux.NewJob("pressure", afflux.Parallelism(2), afflux.WindowTarget(s.window), afflux.Buffers(batches, 32<<10),
		afflux.Checkpoints(dir, afflux.Every(0), afflux.UnalignedAfter(s.after)), afflux.Restart(afflux.NoRestart()))
	var in []generator.Option
	var out []blackhole.Option
	if s.pressed {
		out = append(out, blackhole.Rate(cfg.Rate))
	} else {
		in = append(in, generator.Rate(generator.Constant(min(cfg.Rate/10, 1000))))
	}
	afflux.From(j, "events", generator.Source(func(i int64, v *record) { v.key, v.payload[0] = i*7919%keys, 1 }, in...)).
		KeyBy("key", func(v *record) int64 { return v.key }).
		Reduce("sum", func(sum, v *record) { sum.payload[0] += v.payload[0] }).
		Rebalance().
		To("out", blackhole.Sink[record](out...))
	return j
}

func measure(ctx context.Context, cfg Config, s setting, dir string) (c *Case, err error) {
	r, err := build(cfg, s, dir).Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		r.Cancel()
		<-r.Done()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if err := settle(ctx, r, s); err != nil {
		return nil, err
	}
	c = &Case{Name: s.name, Goal: s.goal, WithoutWrite: s.written, HeldBytes: r.Snapshot().InFlightBytes}
	for range max(cfg.Count/s.share, 1) {
		if err := pause(ctx, 20*time.Millisecond+rand.N(80*time.Millisecond)); err != nil {
			return nil, err
		}
		if _, err := r.Checkpoint(ctx); err != nil {
			return nil, err
		}
		c.add(r.Snapshot())
	}
	return c, nil
}

// settle waits until what is in flight stays about the same: it grows at first,
// and then what a burst has left behind drains away.
func settle(ctx context.Context, r *afflux.Run, s setting) error {
	const look, calm, longest = 250 * time.Millisecond, 3 * time.Second, time.Minute
	least := max(calm, s.window*3/2)
	if !s.pressed {
		least = time.Second
	}
	var held int64
	changed := time.Now()
	for began := time.Now(); time.Since(began) < longest; {
		if err := pause(ctx, look); err != nil {
			return err
		}
		select {
		case <-r.Done():
			return r.Wait()
		default:
		}
		if now := r.Snapshot().InFlightBytes; now > held+held/4 || now < held-held/4 {
			held, changed = now, time.Now()
		}
		if time.Since(changed) >= least {
			return nil
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
