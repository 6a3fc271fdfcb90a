package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/operator"
)

// attempt is one run of a job's tasks. After a failure there is another one,
// which shares nothing with it.
type attempt struct {
	number int
	graph  *Graph
	clerk  *clerk // nil without checkpoints
	ctx    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // background work
	began  time.Time

	mu  sync.Mutex
	err error
}

// finalizeTimeout bounds the flush of sinks and the commit of sources.
const finalizeTimeout = 2 * time.Minute

// newAttempt builds the tasks; nothing is opened.
func (j *Job) newAttempt(number int, r recovery) (*attempt, error) {
	a := &attempt{number: number}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	cfg := j.cfg
	cfg.restored = r.restored
	var err error
	hosts := func(w *exchange.Waker) task.Host { return task.NewMotor(a.ctx, w, &a.work, j.epoch) }
	if cfg.Checkpoints == nil || r.registry == nil {
		a.graph, err = Build(cfg, j.nodes, hosts)
		return a, err
	}
	k := &relay{}
	cfg.clerk = k
	if a.graph, err = Build(cfg, j.nodes, hosts); err != nil {
		return nil, err
	}
	if a.clerk, err = newClerk(j, a, r); err != nil {
		return nil, err
	}
	k.clerk = a.clerk
	return a, nil
}

// relay stands for a clerk that is made after the tasks.
type relay struct{ *clerk }

// open opens every connector and operator, sinks first, and restores them.
func (a *attempt) open() error {
	var err error
	a.graph.All(func(t *task.Task) {
		if err == nil {
			err = t.Open()
		}
	})
	a.graph.All(func(t *task.Task) {
		if err == nil {
			err = t.Restore(a.ctx)
		}
	})
	return err
}

// run runs the tasks to their end, and closes everything.
func (a *attempt) run() error {
	a.began = time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if a.clerk != nil {
			a.clerk.run(stop)
		}
	}()
	var tasks sync.WaitGroup
	a.graph.All(func(t *task.Task) {
		tasks.Go(func() {
			if err := t.Run(); err != nil && !errors.Is(err, operator.ErrCancelled) {
				a.fail(err)
			}
		})
	})
	tasks.Wait()
	close(stop)
	<-stopped
	err := a.failure()
	if err == nil {
		err = a.finalize()
	}
	if err != nil {
		a.fail(err)
	}
	return errors.Join(err, a.close())
}

// drain asks the sources to stop.
func (a *attempt) drain() {
	a.graph.All(func(t *task.Task) {
		if t.IsSource() {
			t.Drain()
		}
	})
}

// finalize makes sinks durable and then tells the sources' systems.
func (a *attempt) finalize() error {
	ctx, cancel := context.WithTimeout(a.ctx, finalizeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []error
	each := func(f func(*task.Task) error) error {
		a.graph.All(func(t *task.Task) {
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

// close ends background work and releases what open took.
func (a *attempt) close() error {
	failed := a.failure() != nil
	a.cancel(operator.ErrCancelled)
	a.work.Wait()
	var all []error
	a.graph.All(func(t *task.Task) {
		if err := t.Close(); err != nil && !failed {
			all = append(all, err)
		}
	})
	return errors.Join(all...)
}

// fail keeps the first error and cancels every task.
func (a *attempt) fail(err error) {
	a.mu.Lock()
	if a.err == nil {
		a.err = err
	}
	a.mu.Unlock()
	a.graph.All((*task.Task).Cancel)
	a.cancel(err)
}

func (a *attempt) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}
