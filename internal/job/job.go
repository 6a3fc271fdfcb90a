package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/operator"
)

// States of a job.
const (
	Created   = "created"
	Running   = "running"
	Draining  = "draining"
	Finished  = "finished"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Job is one run of a plan. Its methods may be called by any goroutine.
type Job struct {
	cfg    Config
	graph  *Graph
	ctx    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // background work of operators
	epoch  time.Time

	mu      sync.Mutex
	state   string
	err     error
	started time.Time
	ended   time.Time
	done    chan struct{}
	peak    atomic.Int64
}

// New plans a job; nothing runs yet.
func New(cfg Config, nodes []*graph.Node) (*Job, error) {
	cfg.fill()
	j := &Job{cfg: cfg, state: Created, done: make(chan struct{}), epoch: time.Now()}
	j.ctx, j.cancel = context.WithCancelCause(context.Background())
	g, err := Build(cfg, nodes, func(w *exchange.Waker) task.Host {
		return task.NewMotor(j.ctx, w, &j.work, j.epoch)
	})
	if err != nil {
		return nil, err
	}
	j.graph = g
	return j, nil
}

// Plan is the physical plan.
func (j *Job) Plan() *graph.Plan { return j.graph.Plan }

// finalizeTimeout bounds the flush of sinks and the commit of sources.
const finalizeTimeout = 2 * time.Minute

// Start opens every connector and operator and starts the tasks. When ctx
// ends, the job is cancelled. It must be called once; after an error nothing
// runs and everything is closed.
func (j *Job) Start(ctx context.Context) error {
	j.mu.Lock()
	if j.state != Created {
		j.mu.Unlock()
		return fmt.Errorf("job %q was started before", j.cfg.Name)
	}
	j.state, j.started = Running, time.Now()
	j.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { j.stop(context.Cause(ctx)) })
	var err error
	j.graph.All(func(t *task.Task) {
		if err == nil {
			err = t.Open()
		}
	})
	if err != nil {
		stop()
		j.end(errors.Join(err, j.close()))
		return err
	}
	go j.run(stop)
	return nil
}

// run waits for all tasks and ends the job.
func (j *Job) run(stop func() bool) {
	defer stop()
	var tasks sync.WaitGroup
	j.graph.All(func(t *task.Task) {
		tasks.Go(func() {
			if err := t.Run(); err != nil && !errors.Is(err, operator.ErrCancelled) {
				j.fail(err)
			}
		})
	})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		j.watch()
	}()
	tasks.Wait()
	err := j.failure()
	if err == nil {
		err = j.finalize()
	}
	if err != nil {
		j.fail(err)
	}
	err = errors.Join(err, j.close())
	j.end(err)
	<-watched
}

// finalize makes sinks durable and then tells the sources' systems.
func (j *Job) finalize() error {
	ctx, cancel := context.WithTimeout(j.ctx, finalizeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []error
	each := func(f func(*task.Task) error) error {
		j.graph.All(func(t *task.Task) {
			wg.Go(func() {
				if err := f(t); err != nil {
					mu.Lock()
					all = append(all, err)
					mu.Unlock()
				}
			})
		})
		wg.Wait()
		return errors.Join(all...)
	}
	if err := each(func(t *task.Task) error { return t.Finalize(ctx) }); err != nil {
		return err
	}
	return each(func(t *task.Task) error { return t.Commit(ctx) })
}

func (j *Job) close() error {
	failed := j.failure() != nil
	j.cancel(operator.ErrCancelled)
	j.work.Wait()
	var all []error
	j.graph.All(func(t *task.Task) {
		if err := t.Close(); err != nil && !failed {
			all = append(all, err)
		}
	})
	return errors.Join(all...)
}

func (j *Job) end(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = time.Now()
	if j.err == nil {
		j.err = err
	}
	switch {
	case j.err == nil:
		j.state = Finished
	case errors.Is(j.err, operator.ErrCancelled) || errors.Is(j.err, context.Canceled):
		j.state = Cancelled
	default:
		j.state = Failed
	}
	close(j.done)
}

// fail keeps the first error and cancels every task.
func (j *Job) fail(err error) {
	j.mu.Lock()
	if j.err == nil {
		j.err = err
	}
	j.mu.Unlock()
	j.graph.All((*task.Task).Cancel)
	j.cancel(err)
}

func (j *Job) failure() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

func (j *Job) stop(cause error) {
	if cause == nil || errors.Is(cause, context.Canceled) {
		cause = operator.ErrCancelled
	}
	j.fail(cause)
}

// Drain asks the sources to stop. What has been read is processed and
// delivered, then the job ends by itself.
func (j *Job) Drain() {
	j.mu.Lock()
	if j.state == Running {
		j.state = Draining
	}
	j.mu.Unlock()
	j.graph.All(func(t *task.Task) {
		if t.IsSource() {
			t.Drain()
		}
	})
}

// Cancel stops at once: records in flight are dropped, and sources are not
// told that they were read.
func (j *Job) Cancel() { j.stop(operator.ErrCancelled) }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Wait returns when the job has ended, with its first error.
func (j *Job) Wait() error {
	<-j.done
	return j.failure()
}
