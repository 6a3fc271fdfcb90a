package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// States of a job.
const (
	Created    = "created"
	Running    = "running"
	Restarting = "restarting"
	Draining   = "draining"
	Finished   = "finished"
	Suspended  = "suspended"
	Failed     = "failed"
	Cancelled  = "cancelled"
)

// Job is a plan that runs, in one attempt or more. Its methods may be called by
// any goroutine.
type Job struct {
	cfg   Config
	nodes []*graph.Node
	graph *Graph // of the plan; what runs is the attempt's
	epoch time.Time
	next  int64 // the first free number of a checkpoint

	mu       sync.Mutex
	state    string
	err      error
	stopped  error // why it must not go on, nil if it may
	draining bool
	attempt  *attempt
	restarts int
	started  time.Time
	ended    time.Time
	done     chan struct{}
	halt     chan struct{} // closed with stopped
	peak     atomic.Int64
	ledger   ledger
	letters  metric.LetterTray
}

// New plans a job; nothing runs yet.
func New(cfg Config, nodes []*graph.Node) (*Job, error) {
	cfg.fill()
	j := &Job{cfg: cfg, nodes: nodes, state: Created, done: make(chan struct{}), halt: make(chan struct{}), epoch: time.Now()}
	j.cfg.letters = &j.letters
	a, err := j.newAttempt(0, recovery{})
	if err != nil {
		return nil, err
	}
	j.graph, j.attempt = a.graph, a
	return j, nil
}

// Plan is the physical plan.
func (j *Job) Plan() *graph.Plan { return j.graph.Plan }

// Start looks for a checkpoint to go on from, opens every connector and
// operator, and starts the tasks. When ctx ends, the job is cancelled. It must
// be called once; after an error nothing runs and everything is closed.
func (j *Job) Start(ctx context.Context) error {
	j.mu.Lock()
	if j.state != Created {
		j.mu.Unlock()
		return fmt.Errorf("job %q was started before", j.cfg.Name)
	}
	j.state, j.started = Running, time.Now()
	j.mu.Unlock()
	claim, err := j.claim(ctx)
	if err != nil {
		j.end(err)
		return err
	}
	stop := context.AfterFunc(ctx, func() { j.stop(context.Cause(ctx)) })
	a, err := j.prepare(ctx, true)
	if err != nil {
		stop()
		err = released(claim, err)
		j.end(err)
		return err
	}
	go func() {
		defer stop()
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			j.watch()
		}()
		j.end(released(claim, j.run(a)))
		<-watched
	}()
	return nil
}

// claim keeps others from writing to the store of the checkpoints. Where nobody can
// be kept out, an older start finds out before it writes or deletes.
func (j *Job) claim(ctx context.Context) (io.Closer, error) {
	nothing := io.NopCloser(nil)
	if j.cfg.Checkpoints == nil {
		return nothing, nil
	}
	store := j.cfg.Checkpoints.Store
	if s, ok := store.(checkpoint.Claimer); ok {
		lock, err := s.Claim()
		if !errors.Is(err, checkpoint.ErrNoLock) {
			j.cfg.owner = checkpoint.Sole(store)
			return lock, err
		}
	}
	var err error
	if j.cfg.owner, err = checkpoint.Own(ctx, store); err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	return nothing, nil
}

// released gives the store back, so that the job can be started again.
func released(claim io.Closer, err error) error {
	if closing := claim.Close(); closing != nil {
		return errors.Join(err, closing)
	}
	return err
}

// prepare makes the next attempt and opens it: from the latest checkpoint that
// is not damaged.
func (j *Job) prepare(ctx context.Context, first bool) (*attempt, error) {
	for before := error(nil); ; {
		a, from, err := j.open(ctx, first, before)
		if err == nil {
			return a, nil
		}
		var d *checkpoint.Damage
		if from == nil || !errors.As(err, &d) {
			return nil, err
		}
		before = &unusable{from.Kind, from.ID, err}
		j.cfg.Log.Warn("a checkpoint is damaged", "error", before)
	}
}

// open makes and opens an attempt from a checkpoint older than one that was
// unusable, nil for any.
func (j *Job) open(ctx context.Context, first bool, before error) (*attempt, *checkpoint.Manifest, error) {
	r, began := recovery{}, time.Now()
	var from *checkpoint.Manifest
	if err := j.storable(); err != nil {
		j.cfg.Log.Warn("barriers never overtake records: checkpoints take as long as the records in flight", "error", err)
		j.cfg.Checkpoints.UnalignedAfter = -1
	}
	if j.cfg.Checkpoints != nil {
		var err error
		if r, err = j.cfg.recover(ctx, j.graph.Plan, j.next, first, before); err != nil {
			return nil, nil, err
		}
		if r.restored != nil {
			from = r.restored.Manifest
		}
	}
	j.mu.Lock()
	number := j.attempt.number + 1
	j.mu.Unlock()
	a, err := j.newAttempt(number, r)
	if err != nil {
		return nil, nil, err
	}
	if a.clerk != nil {
		if err := j.cfg.recoverSinks(ctx, a.graph.Plan, r.restored); err != nil {
			a.cancel(err)
			return nil, nil, err
		}
	}
	j.mu.Lock()
	j.attempt = a
	stopped, draining := j.stopped, j.draining
	j.mu.Unlock()
	if draining {
		a.drain()
	}
	if stopped != nil {
		a.cancel(stopped)
		return nil, nil, stopped
	}
	if err := a.open(); err != nil {
		a.fail(err)
		return nil, from, errors.Join(err, a.close())
	}
	if from != nil {
		j.ledger.restored(from, began, time.Now())
		j.cfg.Log.Info("the job goes on from a checkpoint", "kind", from.Kind.String(), "id", from.ID, "taken", from.Time)
	}
	return a, from, nil
}

// run runs attempts until one ends well, or the strategy gives up.
func (j *Job) run(a *attempt) error {
	again := newRestarts(j.cfg.Restart)
	for {
		var err error
		began := time.Now()
		if a != nil {
			if err = a.run(); a.clerk != nil {
				j.ledger.close(time.Now(), err != nil && j.stopCause() == nil)
				j.next = max(j.next, a.clerk.nextID())
			}
		} else if a, err = j.prepare(context.Background(), false); err == nil {
			j.resumed()
			continue
		}
		a = nil
		if err == nil {
			return nil
		}
		if stopped := j.stopCause(); stopped != nil {
			return stopped
		}
		if errors.Is(err, state.ErrUnstorable) {
			return err // the program has to change
		}
		if lost := j.superseded(err); lost != nil {
			return lost // another process goes on
		}
		delay, ok := again.failed(err, time.Since(began))
		if !ok {
			if n := again.row - 1; n > 0 {
				return fmt.Errorf("gave up after %d restarts in a row; the first cause: %w", n, again.first)
			}
			return err
		}
		j.cfg.Log.Error("the job has failed and is restarted", "error", err, "in", delay.Round(time.Millisecond), "failures in a row", again.row)
		j.mu.Lock()
		j.state = Restarting
		j.restarts++
		j.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-j.halt:
			return j.stopCause()
		}
	}
}

// ownerTimeout bounds the look for another process after a failure.
const ownerTimeout = 10 * time.Second

// superseded tells whether another process has taken over after this one has
// failed: that is the cause then, like that of a sink which is fenced.
func (j *Job) superseded(err error) error {
	if errors.Is(err, checkpoint.ErrSuperseded) {
		return err
	}
	if j.cfg.owner == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), ownerTimeout)
	defer cancel()
	if lost := j.cfg.owner.Check(ctx); errors.Is(lost, checkpoint.ErrSuperseded) {
		j.cfg.Log.Warn("the job has failed after another process has taken over its checkpoints", "error", err)
		return fmt.Errorf("checkpoints: %w", lost)
	}
	return nil
}

func (j *Job) resumed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state = Running; j.draining {
		j.state = Draining
	}
}

func (j *Job) stopCause() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stopped
}

func (j *Job) end(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = time.Now()
	if j.err = j.stopped; j.err == nil {
		j.err = err
	}
	switch {
	case errors.Is(j.err, errSuspended):
		j.state, j.err = Suspended, nil
	case j.err == nil:
		j.state = Finished
	case errors.Is(j.err, operator.ErrCancelled) || errors.Is(j.err, context.Canceled):
		j.state = Cancelled
	default:
		j.state = Failed
	}
	close(j.done)
}

// current is the attempt that runs now, or the last one.
func (j *Job) current() *attempt {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.attempt
}

// stop ends the job, whatever its strategy for failures is.
func (j *Job) stop(cause error) {
	if cause == nil || errors.Is(cause, context.Canceled) {
		cause = operator.ErrCancelled
	}
	j.mu.Lock()
	if j.stopped == nil {
		j.stopped = cause
		close(j.halt)
	}
	a := j.attempt
	j.mu.Unlock()
	a.fail(cause)
}

// Drain asks the sources to stop. What has been read is processed and
// delivered, then the job ends by itself.
func (j *Job) Drain() {
	j.mu.Lock()
	if j.state == Running {
		j.state = Draining
	}
	j.draining = true
	a := j.attempt
	j.mu.Unlock()
	a.drain()
}

// Cancel stops at once: records in flight are dropped, and sources are not
// told that they were read.
func (j *Job) Cancel() { j.stop(operator.ErrCancelled) }

// errSuspended stops a job that will be started again.
var errSuspended = errors.New("suspended")

// Suspend takes a checkpoint and stops the job, without an error, to be started
// again later. What sources read after the checkpoint does not reach sinks. Without checkpoints, or if none can be taken since the job has
// finished, it drains.
func (j *Job) Suspend(ctx context.Context) error {
	if j.cfg.Checkpoints == nil {
		j.Drain()
		return nil
	}
	_, err := j.SuspendAfter(ctx, checkpoint.Checkpoint)
	if errors.Is(err, errStopped) { // the last checkpoint is what it would go on from
		j.stop(errSuspended)
		return nil
	}
	return err
}

// SuspendAfter is Suspend with a snapshot of a kind; it returns its number.
func (j *Job) SuspendAfter(ctx context.Context, kind checkpoint.Kind) (int64, error) {
	id, err := j.checkpoint(ctx, kind, true)
	if err == nil {
		j.stop(errSuspended)
	}
	return id, err
}

// Checkpoint takes a checkpoint or a savepoint and returns its number, when it
// is complete and committed.
func (j *Job) Checkpoint(ctx context.Context, kind checkpoint.Kind) (int64, error) {
	return j.checkpoint(ctx, kind, false)
}

// checkpoint is Checkpoint. With hold, the sources send nothing behind the
// barrier of one that has succeeded.
func (j *Job) checkpoint(ctx context.Context, kind checkpoint.Kind, hold bool) (_ int64, err error) {
	if j.cfg.Checkpoints == nil {
		return 0, errors.New("the job takes no checkpoints: it was not told where to keep them")
	}
	k := j.current().clerk
	if k == nil {
		return 0, errors.New("the job has not started yet")
	}
	out := make(chan Outcome, 1)
	k.trigger(kind, hold, out)
	defer func() {
		if hold && err != nil {
			k.proceed()
		}
	}()
	select {
	case o := <-out:
		return o.ID, o.Err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-j.done:
		return 0, errors.New("the job has ended")
	}
}

// Checkpoints tells of the one under way and the last 32 past ones, of all
// attempts, newest first. What they point to does not change.
func (j *Job) Checkpoints() []checkpoint.Record { return j.ledger.history() }

// DeadLetters tells of the last records that were refused, and of the reasons of
// all of them.
func (j *Job) DeadLetters() metric.DeadLetters { return j.letters.Read() }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Wait returns when the job has ended, with its first error.
func (j *Job) Wait() error {
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

var _ task.Checkpoints = (*Clerk)(nil)
