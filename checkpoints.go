package afflux

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/job"
)

// CheckpointStore is where checkpoints are kept: a directory, or the bucket of
// package checkpoints/bucket.
type CheckpointStore = checkpoint.Store

// Defaults of Checkpoints.
const (
	DefaultCheckpointInterval = 10 * time.Second
	DefaultCheckpointTimeout  = 10 * time.Minute
	DefaultUnalignedAfter     = 100 * time.Millisecond
	DefaultRetain             = 3
)

// CheckpointOption sets something about checkpoints.
type CheckpointOption func(*job.Checkpointing) error

// Checkpoints lets a job survive failures: its state is kept in a directory at
// intervals, and a job that fails, or that is started again after its process
// was killed, goes on from there with results as if nothing had happened. Each
// job needs a directory of its own. It also makes a job that fails restart, see
// Restart.
//
// A sink delivers exactly once if it commits with checkpoints, like
// kafka.Sink with ExactlyOnce, or a file sink; others at least once.
func Checkpoints(dir string, options ...CheckpointOption) JobOption {
	return jobOption(func(j *Job) {
		d, err := checkpoint.NewDirectory(dir)
		if err != nil {
			j.fail(fmt.Errorf("checkpoints: %w", err))
			return
		}
		if j.place, err = filepath.Abs(dir); err != nil {
			j.place = dir
		}
		j.checkpoints(d, options)
	})
}

// CheckpointsIn is Checkpoints in any store.
func CheckpointsIn(store CheckpointStore, options ...CheckpointOption) JobOption {
	return jobOption(func(j *Job) {
		if s, ok := store.(fmt.Stringer); ok {
			j.place = s.String()
		}
		j.checkpoints(store, options)
	})
}

func (j *Job) checkpoints(store CheckpointStore, options []CheckpointOption) {
	c := &job.Checkpointing{Store: store, Interval: DefaultCheckpointInterval, Timeout: DefaultCheckpointTimeout, UnalignedAfter: DefaultUnalignedAfter, Retain: DefaultRetain}
	for _, o := range options {
		if err := o(c); err != nil {
			j.fail(fmt.Errorf("checkpoints: %w", err))
		}
	}
	j.cfg.Checkpoints = c
	if !j.restart {
		j.cfg.Restart = job.DefaultRestart
	}
}

// Every sets the time from the beginning of one checkpoint to that of the next;
// 0 takes them on demand only. The default is 10 s.
func Every(d time.Duration) CheckpointOption {
	return func(c *job.Checkpointing) error {
		c.Interval = d
		return notNegative("Every", d)
	}
}

// MinPause sets the least time between the end of a checkpoint and the beginning
// of the next.
func MinPause(d time.Duration) CheckpointOption {
	return func(c *job.Checkpointing) error {
		c.MinPause = d
		return notNegative("MinPause", d)
	}
}

// CheckpointTimeout gives a checkpoint up that takes longer. The default is 10
// minutes.
func CheckpointTimeout(d time.Duration) CheckpointOption {
	return func(c *job.Checkpointing) error {
		c.Timeout = d
		if d <= 0 {
			return fmt.Errorf("CheckpointTimeout(%v): it must be positive", d)
		}
		return nil
	}
}

// UnalignedAfter sets how long the barriers of a checkpoint may take to travel
// behind the records: after that they overtake them, and the records in flight
// become part of the checkpoint. So a checkpoint is quick however much the job is
// pressed. 0 is at once, Never keeps barriers behind the records. The default is
// 100 ms.
func UnalignedAfter(d time.Duration) CheckpointOption {
	return func(c *job.Checkpointing) error { c.UnalignedAfter = d; return nil }
}

// Never is a time that does not come.
const Never time.Duration = -1

// AtLeastOnce lets records pass while barriers are awaited: what sinks get may
// be doubled after a failure, and nothing ever waits for a barrier.
func AtLeastOnce() CheckpointOption {
	return func(c *job.Checkpointing) error { c.AtLeastOnce = true; return nil }
}

// TolerateFailed sets how many checkpoints in a row may fail before the job does;
// Unlimited for any number. The default is 0.
func TolerateFailed(n int) CheckpointOption {
	return func(c *job.Checkpointing) error { c.Tolerated = n; return nil }
}

// Retain sets how many complete checkpoints are kept, 1 or more. The default is
// 3: where the last one turns out to be damaged, there is another.
func Retain(n int) CheckpointOption {
	return func(c *job.Checkpointing) error {
		c.Retain = n
		if n < 1 {
			return fmt.Errorf("Retain(%d): at least one must be kept", n)
		}
		return nil
	}
}

func notNegative(name string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s(%v): it must not be negative", name, d)
	}
	return nil
}

// Unlimited is a number without a bound.
const Unlimited = -1

// RestartStrategy says what happens after a failure; see FixedDelay,
// ExponentialDelay and NoRestart.
type RestartStrategy = job.Restart

// NoRestart lets a job fail at its first failure.
func NoRestart() RestartStrategy { return RestartStrategy{} }

// FixedDelay restarts up to that many times in a row (Unlimited for any number),
// always after the same time. A job that has run for 10 minutes begins anew with
// the count.
func FixedDelay(attempts int, delay time.Duration) RestartStrategy {
	return RestartStrategy{Attempts: attempts, Delay: delay, Reset: 10 * time.Minute}
}

// ExponentialDelay waits twice as long after each failure in a row, up to most,
// give or take a tenth.
func ExponentialDelay(attempts int, first, most time.Duration) RestartStrategy {
	return RestartStrategy{Attempts: attempts, Delay: first, MaxDelay: most, Factor: 2, Jitter: 0.1, Reset: 10 * time.Minute}
}

// Restart sets what happens after a failure. When a job gives up, its error is
// the first of the failures in a row. With Checkpoints, the default is
// ExponentialDelay from 500 ms to a minute, 15 times; without, NoRestart: such a
// job would begin from the beginning.
func Restart(s RestartStrategy) JobOption {
	return jobOption(func(j *Job) {
		if s.Delay < 0 || s.MaxDelay < 0 || s.Jitter < 0 || s.Jitter > 1 {
			j.fail(fmt.Errorf("Restart(%+v): delays must not be negative, and the jitter from 0 to 1", s))
		}
		j.cfg.Restart, j.restart = s, true
	})
}

// Checkpoint takes a checkpoint now, and returns its number when it is complete.
func (r *Run) Checkpoint(ctx context.Context) (int64, error) {
	return r.job.Checkpoint(ctx, checkpoint.Checkpoint)
}

// Savepoint takes a snapshot that stands by itself and is never deleted by the
// engine: to start from after a change of the job, with StartFrom. It returns
// where it is, below the place of the checkpoints.
func (r *Run) Savepoint(ctx context.Context) (string, error) {
	id, err := r.job.Checkpoint(ctx, checkpoint.Savepoint)
	if err != nil {
		return "", err
	}
	return r.path(checkpoint.Savepoint, id), nil
}

// SavepointAndStop is Savepoint followed by the end of the job, without an error,
// as by Suspend.
func (r *Run) SavepointAndStop(ctx context.Context) (string, error) {
	id, err := r.job.SuspendAfter(ctx, checkpoint.Savepoint)
	if err != nil {
		return "", err
	}
	return r.path(checkpoint.Savepoint, id), nil
}

func (r *Run) path(kind checkpoint.Kind, id int64) string {
	name := checkpoint.DirectoryName(kind, id)
	if strings.Contains(r.place, "://") {
		return strings.TrimSuffix(r.place, "/") + "/" + name
	}
	return filepath.Join(r.place, name)
}

// taker lets the API take checkpoints of a run.
type taker struct{ run *Run }

// History implements api.Checkpoints.
func (t taker) History() []checkpoint.Record { return t.run.job.Checkpoints() }

// Take implements api.Checkpoints.
func (t taker) Take(ctx context.Context, kind checkpoint.Kind, stop bool) (id int64, path string, err error) {
	if stop {
		id, err = t.run.job.SuspendAfter(ctx, kind)
	} else {
		id, err = t.run.job.Checkpoint(ctx, kind)
	}
	return id, t.run.path(kind, id), err
}

// Suspend takes a checkpoint and stops the job without an error: started again,
// it goes on as if it had never stopped. Without checkpoints it is Drain.
func (r *Run) Suspend(ctx context.Context) error { return r.job.Suspend(ctx) }
