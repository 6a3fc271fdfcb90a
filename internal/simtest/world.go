package simtest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/task"
	"github.com/affluxdev/afflux/operator"
)

// happening is something outside of the tasks that is due: an answer of an
// outside system, a wake-up.
type happening struct {
	at int64
	f  func()
}

// world is the clock, the outside and the scheduler of one simulation.
type world struct {
	rng   *rand.Rand
	calm  bool // nothing stalls and tasks run in turn
	hush  bool // nothing stalls for now
	heavy bool // stalls are long
	// quiet is called when no task can go on and nothing is pending, dead when
	// none waits for the clock either. It tells whether that has changed.
	quiet   func(dead bool) bool
	clock   int64 // nanoseconds
	pending []happening
	hosts   []*task.Stepper
	tasks   []*task.Task
	errs    []error
	slow    []int // how reluctantly each task is chosen
	graph   *job.Graph
	clerk   *job.Clerk // of checkpoints, if there are any
	steps   int
	trace   uint64
	faults  []error // broken rules that operators and connectors saw
	spans   int     // of traced markers
}

func newWorld(seed uint64) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 0x5eed)), clock: 1}
}

// later makes f happen after d.
func (w *world) later(d int64, f func()) {
	w.pending = append(w.pending, happening{w.clock + d, f})
}

// delay is a random time, now and then long.
func (w *world) delay() int64 {
	switch {
	case w.calm || w.hush:
		return 1000
	case w.heavy && w.rng.IntN(3) == 0:
		return w.rng.Int64N(int64(time.Second))
	case w.rng.IntN(20) == 0:
		return w.rng.Int64N(int64(300 * time.Millisecond))
	}
	return w.rng.Int64N(int64(2 * time.Millisecond))
}

// chance is true once in n times.
func (w *world) chance(n int) bool { return !w.calm && !w.hush && w.rng.IntN(n) == 0 }

func (w *world) broken(format string, args ...any) {
	if len(w.faults) < 5 {
		w.faults = append(w.faults, fmt.Errorf(format, args...))
	}
}

// host makes the host of a task.
func (w *world) host(waker *exchange.Waker) task.Host {
	s := task.NewStepper(context.Background(), waker, func() int64 { return w.clock }, func(f func(context.Context)) {
		w.later(w.delay(), func() { f(context.Background()) })
	})
	w.hosts = append(w.hosts, s)
	w.slow = append(w.slow, 1+w.rng.IntN(2)*w.rng.IntN(20))
	return s
}

// load builds and opens the job.
func (w *world) load(g *job.Graph) error {
	w.graph = g
	for _, list := range g.Tasks {
		w.tasks = append(w.tasks, list...)
	}
	w.errs = make([]error, len(w.tasks))
	for i, t := range w.tasks {
		w.hosts[i].Attach(func() { w.errs[i] = t.Run() })
	}
	var err error
	g.All(func(t *task.Task) {
		if err == nil {
			err = t.Open()
		}
	})
	g.All(func(t *task.Task) {
		if err == nil {
			err = t.Restore(context.Background())
		}
	})
	return err
}

// errStuck is what a job that cannot go on ends with.
var errStuck = errors.New("no task can go on, nothing is pending, and the job is not done")

// maxSteps bounds a simulation: more means that it runs in circles.
const maxSteps = 300_000

// run schedules until all tasks have ended. before is called ahead of every
// step; an error of a task cancels the others.
func (w *world) run(before func(step int) (goOn bool)) error {
	trace := fnv.New64a()
	failed := false
	for ; w.steps < maxSteps; w.steps++ {
		if before != nil && !before(w.steps) {
			return nil
		}
		i, done := w.choose()
		switch {
		case done:
			w.trace = trace.Sum64()
			return errors.Join(w.faults...)
		case i == nobody:
			return errStuck
		case i >= 0:
			st := w.hosts[i].Step()
			fmt.Fprint(trace, i, st, w.clock, " ")
			w.spend()
			if st == task.Done && w.errs[i] != nil && !failed {
				failed = true
				w.graph.All((*task.Task).Cancel)
			}
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	return fmt.Errorf("the job has not ended after %d steps", w.steps)
}

// spend lets time pass for a step.
func (w *world) spend() {
	w.clock += 100
	if w.chance(4) {
		w.clock += w.rng.Int64N(50_000)
	}
}

const (
	nobody   = -1
	happened = -2
)

// choose picks the task to step. It lets a happening happen instead, or moves
// the clock when nothing can go on, and then returns happened.
func (w *world) choose() (index int, done bool) {
	var runnable []int
	ended := 0
	next := int64(0)
	soonest := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	for i, h := range w.hosts {
		switch {
		case w.tasks[i].Ended():
			ended++
		case h.Runnable():
			runnable = append(runnable, i)
		case h.Due() != 0:
			soonest(h.Due())
		}
	}
	if ended == len(w.hosts) {
		return 0, true
	}
	if w.clerk != nil {
		if at, ok := w.clerk.Due(); ok {
			if at.UnixNano() <= w.clock {
				w.clerk.Turn()
				return happened, false
			}
			soonest(at.UnixNano())
		}
	}
	due := -1
	for i, p := range w.pending {
		soonest(p.at)
		if p.at <= w.clock && (due < 0 || w.rng.IntN(3) == 0) {
			due = i
		}
	}
	if due >= 0 && (len(runnable) == 0 || w.calm || w.rng.IntN(2) == 0) {
		f := w.pending[due].f
		w.pending = append(w.pending[:due], w.pending[due+1:]...)
		f()
		return happened, false
	}
	if len(runnable) == 0 {
		if len(w.pending) == 0 && w.quiet != nil && w.quiet(next == 0) {
			return happened, false
		}
		if next == 0 {
			return nobody, false
		}
		w.clock = max(w.clock, next)
		return happened, false
	}
	if w.calm {
		return runnable[w.steps%len(runnable)], false
	}
	for range 4 {
		i := runnable[w.rng.IntN(len(runnable))]
		if w.rng.IntN(w.slow[i]) == 0 {
			return i, false
		}
	}
	return runnable[w.rng.IntN(len(runnable))], false
}

// check verifies what must hold at every instant.
func (w *world) check() error {
	for _, gates := range w.graph.Gates {
		for _, g := range gates {
			if g == nil {
				continue
			}
			if err := g.Check(); err != nil {
				return err
			}
		}
	}
	for id, list := range w.graph.Channels {
		for _, c := range list {
			if s := c.State(); s.InFlight < 0 || s.Window < s.InFlight {
				return fmt.Errorf("edge %d, channel %d to %d: %d bytes in flight with a window of %d", id, c.From, c.To, s.InFlight, s.Window)
			}
		}
	}
	if now, bound := w.graph.InFlight(); now > bound {
		return fmt.Errorf("%d bytes in flight of at most %d", now, bound)
	}
	return nil
}

// close ends what still runs and closes the job. It returns the error of the
// first task that failed.
func (w *world) close() error {
	for _, t := range w.tasks {
		t.Cancel()
	}
	for _, h := range w.hosts {
		h.Close()
	}
	var first error
	for i, t := range w.tasks {
		if err := w.errs[i]; first == nil && err != nil && !errors.Is(err, operator.ErrCancelled) {
			first = err
		}
		if err := t.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// finish makes sinks durable and commits sources, as a job does.
func (w *world) finish() error {
	var all []error
	w.graph.All(func(t *task.Task) { all = append(all, t.Finalize(context.Background())) })
	w.graph.All(func(t *task.Task) { all = append(all, t.Commit(context.Background())) })
	return errors.Join(all...)
}

// dump describes where every task and channel stands.
func (w *world) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "step %d, clock %v, %d pending\n", w.steps, time.Duration(w.clock), len(w.pending))
	for i, t := range w.tasks {
		state := "waits"
		switch {
		case t.Ended():
			state = "ended"
		case w.hosts[i].Runnable():
			state = "runnable"
		case t.Waits(task.Idle, 0):
			state = "waits for input"
		}
		fmt.Fprintf(&b, "  task %d %s: %s\n", i, t.Name(), state)
	}
	if w.clerk != nil {
		for i, r := range w.clerk.History() {
			if i == 3 {
				break
			}
			fmt.Fprintf(&b, "  %s %d: %s %s, %d of %d subtasks\n", r.Kind, r.ID, r.Phase, r.Reason, len(r.Subtasks), r.Expected)
		}
	}
	for id, list := range w.graph.Channels {
		e := w.graph.Edges[id]
		for _, c := range list {
			s := c.State()
			if s.Sent == 0 {
				continue
			}
			fmt.Fprintf(&b, "  %s/%d to %s/%d: sent %d, in flight %d, window %d\n",
				w.graph.Plan.Nodes[e.From].Name, c.From, w.graph.Plan.Nodes[e.To].Name, c.To, s.Sent, s.InFlight, s.Window)
		}
	}
	return b.String()
}
