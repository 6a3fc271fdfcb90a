package operatortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// fakeTask is a task made of random numbers.
type fakeTask[U comparable] struct {
	rng       *rand.Rand
	outputs   []*output[U]
	policy    operator.OnError
	refused   int
	announced event.Time // the last watermark given to the operator
	watermark event.Time // the last one that it passed on
	free      bool       // watermarks need not come from the input
	woken     bool
	pending   []func(context.Context)
	alarm     time.Time
	clock     time.Time
	waits     int // how often it may have waited
	unwindAt  int // this many waits from now the task is cancelled, 0 for never
	faults    []error

	index, parallelism int
}

func newTask[U comparable](seed uint64, outputs int, policy operator.OnError) *fakeTask[U] {
	c := &fakeTask[U]{rng: rand.New(rand.NewPCG(seed, 7)), announced: event.MinTime, watermark: event.MinTime, policy: policy, clock: time.Unix(1_000_000, 0), parallelism: 1}
	for range outputs {
		c.outputs = append(c.outputs, &output[U]{c: c})
	}
	return c
}

// rows are what came out of each output.
func (c *fakeTask[U]) rows() (all [][]Row[U]) {
	for _, o := range c.outputs {
		all = append(all, o.got)
	}
	return all
}

// ended tells whether the end of the stream was passed on.
func (c *fakeTask[U]) ended() error {
	if c.watermark != event.MaxTime {
		return fmt.Errorf("the last watermark was passed on as %v", c.watermark)
	}
	return nil
}

func (c *fakeTask[U]) broken(format string, args ...any) {
	if len(c.faults) < 5 {
		c.faults = append(c.faults, fmt.Errorf(format, args...))
	}
}

// suspended is passed wherever a task may wait: the world goes on, and the job
// may be cancelled.
func (c *fakeTask[U]) suspended() {
	c.waits++
	if c.unwindAt > 0 {
		if c.unwindAt--; c.unwindAt == 0 {
			panic(operator.Unwind{Err: operator.ErrCancelled})
		}
	}
	for c.rng.IntN(2) == 0 && c.outside() {
	}
}

// outside finishes a piece of work outside of the task, if there is one.
func (c *fakeTask[U]) outside() bool {
	if len(c.pending) == 0 {
		return false
	}
	i := c.rng.IntN(len(c.pending))
	f := c.pending[i]
	c.pending = append(c.pending[:i], c.pending[i+1:]...)
	f(context.Background())
	return true
}

// Name implements operator.Context.
func (c *fakeTask[U]) Name() string { return "under test" }

// Subtask implements operator.Context.
func (c *fakeTask[U]) Subtask() (index, parallelism int) { return c.index, c.parallelism }

// Output implements operator.Context.
func (c *fakeTask[U]) Output(i int) operator.Output {
	if i >= len(c.outputs) {
		return nil
	}
	return c.outputs[i]
}

// Watermark implements operator.Context.
func (c *fakeTask[U]) Watermark(t event.Time) {
	if t > c.announced && !c.free {
		c.broken("watermark %v is passed on, but the input is at %v", t, c.announced)
	}
	c.watermark = max(c.watermark, t)
	c.suspended()
}

// Reject implements operator.Context.
func (c *fakeTask[U]) Reject(_ any, _ event.Time, err error) error {
	c.refused++
	if c.policy == operator.Fail {
		return err
	}
	return nil
}

// Wait implements operator.Context.
func (c *fakeTask[U]) Wait() { c.Sleep(0) }

// Sleep implements operator.Context.
func (c *fakeTask[U]) Sleep(d time.Duration) {
	c.suspended()
	for !c.woken {
		switch {
		case c.outside():
		case !c.alarm.IsZero():
			c.clock, c.alarm, c.woken = c.alarm, time.Time{}, true
		case d > 0:
			c.clock = c.clock.Add(d)
			return
		default:
			panic("Wait would never return: no work is outside and nobody has called Wake")
		}
	}
	c.woken = false
}

// Hurry implements operator.Hurried.
func (c *fakeTask[U]) Hurry() bool { return c.rng.IntN(4) == 0 }

// Wake implements operator.Context.
func (c *fakeTask[U]) Wake() { c.woken = true }

// WakeAt implements operator.Context.
func (c *fakeTask[U]) WakeAt(at time.Time) { c.alarm = at }

// Go implements operator.Context: f runs later, on this goroutine.
func (c *fakeTask[U]) Go(f func(context.Context)) { c.pending = append(c.pending, f) }

// Now implements operator.Context.
func (c *fakeTask[U]) Now() time.Time { return c.clock }

// Count implements operator.Context.
func (c *fakeTask[U]) Count(string, int64) {}

// Gauge implements operator.Context.
func (c *fakeTask[U]) Gauge(string, float64, ...string) {}

// Yield implements operator.Context.
func (c *fakeTask[U]) Yield() { c.suspended() }

// BatchCapacity implements operator.Context.
func (c *fakeTask[U]) BatchCapacity(int) int { return 1 + c.rng.IntN(9) }

// output has one slot, which is full on every other call.
type output[U comparable] struct {
	c     *fakeTask[U]
	got   []Row[U]
	calls int
	spare *event.Records[U] // the container that comes back for the next one
	busy  bool
}

// Emit implements operator.Output.
func (o *output[U]) Emit(b event.Batch) {
	c := o.c
	if o.busy {
		c.broken("Emit is called while another call of it waits")
	}
	if b.Len() == 0 {
		b.Reset()
		return
	}
	if o.calls++; o.calls%2 == 0 {
		o.busy = true
		c.suspended()
		o.busy = false
	}
	r, ok := b.(*event.Records[U])
	if !ok {
		c.broken("the batch is a %T", b)
		b.Reset()
		return
	}
	if len(r.Times) != len(r.Values) {
		c.broken("a batch of %d records has %d times", len(r.Values), len(r.Times))
		b.Reset()
		return
	}
	for i, v := range r.Values {
		t := r.Times[i]
		if t <= c.watermark && c.watermark != event.MinTime {
			c.broken("a record of %v comes behind the watermark %v", t, c.watermark)
		}
		o.got = append(o.got, Row[U]{v, t})
	}
	// The receiver keeps the contents and changes them; the container comes
	// back with those of an earlier one.
	if c.rng.IntN(2) == 0 {
		if o.spare == nil {
			o.spare = event.NewRecords[U](c.rng.IntN(3))
		}
		r.Swap(o.spare)
		scribble(c.rng, o.spare.Values, o.spare.Times, o.spare.Hashes)
		o.spare.Reset()
	} else {
		scribble(c.rng, r.Values, r.Times, r.Hashes)
		r.Reset()
	}
}

var _ operator.Context = (*fakeTask[int])(nil)
