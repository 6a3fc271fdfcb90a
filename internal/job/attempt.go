package job

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/operator"
)

// attempt is one run of a job's tasks. After a failure there is another one,
// which shares nothing with it.
type attempt struct {
	number int
	graph  *Graph
	clerk  *Clerk // nil without checkpoints
	signal chan struct{}
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
	var err error
	hosts := func(w *exchange.Waker) task.Host { return task.NewMotor(a.ctx, w, &a.work, j.epoch) }
	if cfg.Checkpoints == nil || r.registry == nil {
		a.graph, err = Build(cfg, j.nodes, hosts)
		return a, err
	}
	a.signal = make(chan struct{}, 1)
	a.graph, a.clerk, err = build(cfg, j.nodes, hosts, number, r, Surroundings{
		Now: time.Now, Fail: a.fail, Log: j.cfg.Log,
		Wake: func() {
			select {
			case a.signal <- struct{}{}:
			default:
			}
		},
		Go: func(f func(context.Context)) { a.work.Go(func() { f(a.ctx) }) },
		Each: func(list []func()) {
			var wg sync.WaitGroup
			for _, f := range list {
				wg.Go(f)
			}
			wg.Wait()
		},
		Tell: j.ledger.update,
	})
	return a, err
}

// build makes the tasks of a job that takes checkpoints, and their clerk.
func build(cfg Config, nodes []*graph.Node, hosts Hosts, number int, r recovery, on Surroundings) (*Graph, *Clerk, error) {
	k := &relay{}
	cfg.clerk, cfg.restored = k, r.restored
	g, err := Build(cfg, nodes, hosts)
	if err != nil {
		return nil, nil, err
	}
	cfg.fill()
	k.Clerk, err = newClerk(&cfg, g, number, r, on)
	return g, k.Clerk, err
}

// relay stands for a clerk that is made after the tasks.
type relay struct{ *Clerk }

// turns is the goroutine of the clerk, until stop is closed.
func (a *attempt) turns(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer a.clerk.Close()
	for {
		a.clerk.Turn()
		wait := time.Hour
		if at, ok := a.clerk.Due(); ok {
			wait = max(time.Until(at), 0)
		}
		timer.Reset(wait)
		select {
		case <-stop:
			return
		case <-a.signal:
		case <-timer.C:
		}
	}
}

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
			a.turns(stop)
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
	if a.clerk != nil {
		a.clerk.Close()
	}
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
