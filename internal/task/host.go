package task

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/affluxdev/afflux/internal/exchange"
)

// Status is why a task gave control back.
type Status uint8

const (
	// Ran: the task did something and can go on at once.
	Ran Status = iota
	// Idle: the task waits for input.
	Idle
	// Blocked: the task waits for credit.
	Blocked
	// Outside: the task waits for an outside system.
	Outside
	// Done: the task has ended.
	Done
)

// String names the status.
func (s Status) String() string {
	return [...]string{"ran", "idle", "blocked", "outside", "done"}[s]
}

// Host is what a task stands on: how it waits, what time it is, and where work
// outside of it runs. Suspend and Yield are called by the task only.
type Host interface {
	// Begin and End are called when the task starts and when it has ended.
	Begin()
	End()
	// Suspend returns when the task's waker has a token, or after d if d is
	// positive. It may return early.
	Suspend(s Status, d time.Duration)
	// Yield lets others run.
	Yield()
	// Now is a monotonic clock in nanoseconds, never 0; Wall is the time of day.
	Now() int64
	Wall() time.Time
	// Go runs f outside of the task.
	Go(f func(ctx context.Context))
	// Context ends when the job stops at once.
	Context() context.Context
}

// Motor is the host in production: the goroutine that calls Run parks.
type Motor struct {
	ctx   context.Context
	waker *exchange.Waker
	work  *sync.WaitGroup
	epoch time.Time
	turnstile
}

// NewMotor returns the host of one task. Background work is added to the
// group; ctx ends it.
func NewMotor(ctx context.Context, waker *exchange.Waker, work *sync.WaitGroup, epoch time.Time) *Motor {
	m := &Motor{ctx: ctx, waker: waker, work: work, epoch: epoch}
	m.look()
	return m
}

// Begin implements Host.
func (m *Motor) Begin() { awake.n.Add(1) }

// End implements Host.
func (m *Motor) End() { awake.n.Add(-1) }

// turns is how often a task lets others run before it parks.
const turns = 3

// Suspend parks the goroutine. Before that it gives its peers some turns on the
// processor: where they are what it waits for, there is then no need to park,
// and to be woken later by way of an idle processor, which takes longer than
// filling a batch. With nothing else to run a turn is over in a moment.
func (m *Motor) Suspend(s Status, d time.Duration) {
	if s != Outside {
		for range turns {
			runtime.Gosched()
			if m.waker.Take() {
				return
			}
		}
	}
	awake.n.Add(-1)
	m.waker.Park(d)
	awake.n.Add(1)
}

// Yield lets other goroutines have the processor.
func (m *Motor) Yield() { m.yield() }

// Now is the time since the epoch of the job.
func (m *Motor) Now() int64 { return int64(time.Since(m.epoch)) + 1 }

// Wall is the time of day.
func (m *Motor) Wall() time.Time { return time.Now() }

// Context ends when the job stops at once.
func (m *Motor) Context() context.Context { return m.ctx }

// Go runs f on a goroutine of the job.
func (m *Motor) Go(f func(ctx context.Context)) {
	m.work.Add(1)
	go func() {
		defer m.work.Done()
		f(m.ctx)
	}()
}

// Stepper is a host that runs a task on a coroutine, step by step, on the
// goroutine of a scheduler.
type Stepper struct {
	clock func() int64
	start func(func(ctx context.Context))
	waker *exchange.Waker
	yield func(Status) bool
	next  func() (Status, bool)
	stop  func()
	ctx   context.Context
	last  Status
	due   int64 // when a suspension with a time ends, 0 if none
	ended bool
}

// NewStepper returns a host for a simulated task. clock is the simulated
// time; start takes background work to be run by the scheduler.
func NewStepper(ctx context.Context, waker *exchange.Waker, clock func() int64, start func(func(ctx context.Context))) *Stepper {
	return &Stepper{ctx: ctx, waker: waker, clock: clock, start: start}
}

// Begin implements Host.
func (s *Stepper) Begin() {}

// End implements Host.
func (s *Stepper) End() {}

// Attach binds the task's loop; it must be called before Step.
func (s *Stepper) Attach(run func()) {
	s.next, s.stop = iter.Pull(func(yield func(Status) bool) {
		s.yield = yield
		run()
	})
}

// Runnable tells whether Step would find something to do.
func (s *Stepper) Runnable() bool {
	switch {
	case s.ended:
		return false
	case s.last == Ran:
		return true
	}
	return s.waker.Pending() || s.due != 0 && s.clock() >= s.due
}

// Due is when a timed suspension ends, 0 if there is none.
func (s *Stepper) Due() int64 {
	if s.ended {
		return 0
	}
	return s.due
}

// Step resumes the task up to its next suspension.
func (s *Stepper) Step() Status {
	if s.ended {
		return Done
	}
	if s.last != Ran {
		s.waker.Take() // a task that only yielded has not seen the token
	}
	s.due = 0
	st, ok := s.next()
	if !ok {
		s.ended = true
		st = Done
	}
	s.last = st
	return st
}

// Close ends the coroutine; the task must have been cancelled or have ended.
func (s *Stepper) Close() {
	for !s.ended {
		s.Step()
	}
	s.stop()
}

// Suspend gives control back to the scheduler.
func (s *Stepper) Suspend(st Status, d time.Duration) {
	if d > 0 {
		s.due = s.clock() + int64(d)
	}
	s.yield(st)
}

// Yield gives control back to the scheduler.
func (s *Stepper) Yield() { s.yield(Ran) }

// Now is the simulated time.
func (s *Stepper) Now() int64 { return s.clock() + 1 }

// Wall is the simulated time since the Unix epoch.
func (s *Stepper) Wall() time.Time { return time.Unix(0, s.clock()) }

// Context ends when the job stops at once.
func (s *Stepper) Context() context.Context { return s.ctx }

// Go hands f to the scheduler.
func (s *Stepper) Go(f func(ctx context.Context)) { s.start(f) }
