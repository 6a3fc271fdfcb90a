package transform

import (
	"context"
	"fmt"
	"sync"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/operator"
)

// AsyncConfig of MapAsync.
type AsyncConfig struct {
	// InFlight is the most calls at a time; at the limit the operator takes no
	// more input, which presses upstream.
	InFlight int
	// Unordered emits results as they come. Watermarks never overtake the
	// records ahead of them in either case.
	Unordered bool
	Policy    guard.Policy
	// Bulk is the most records of one call.
	Bulk int
}

// Async calls an outside system for each record, or for a few at once, with
// many calls at a time. A call takes records of one batch only: no record
// waits for others to come.
type Async[T, U any] struct {
	base
	cfg    AsyncConfig
	f      func(context.Context, []T) ([]U, error)
	caller *guard.Caller[[]U]
	buf    *event.Records[U]
	free   []*call[T, U]
	// queue holds the calls in the order of their records; in unordered mode
	// it is not used.
	queue []*call[T, U]
	// epochs are the spans between watermarks, oldest first.
	epochs  []epoch
	flying  int
	counted guardCounts

	mu   sync.Mutex
	done []*call[T, U] // finished calls, written by their goroutines
	take []*call[T, U]
}

type guardCounts struct{ calls, retries, throttled, timeouts int64 }

// call is some records on their way.
type call[T, U any] struct {
	in    []T
	times []event.Time
	epoch int // number of their span
	out   []U
	err   error
	ready bool // seen as finished by the task
}

// epoch is a span of records that ends with a watermark.
type epoch struct {
	number    int
	open      int // calls of the span that have not been emitted
	watermark event.Time
	closed    bool
}

// NewAsync returns the operator that calls f for each record.
func NewAsync[T, U any](cfg AsyncConfig, f func(context.Context, *T) (U, error)) operator.Operator {
	cfg.Bulk = 1
	return NewBulk(cfg, func(ctx context.Context, in []T) ([]U, error) {
		u, err := f(ctx, &in[0])
		if err != nil {
			return nil, err
		}
		return []U{u}, nil
	})
}

// NewBulk returns the operator that calls f for up to cfg.Bulk records; it
// returns one result for each.
func NewBulk[T, U any](cfg AsyncConfig, f func(context.Context, []T) ([]U, error)) operator.Operator {
	cfg.InFlight, cfg.Bulk = max(cfg.InFlight, 1), max(cfg.Bulk, 1)
	return &Async[T, U]{cfg: cfg, f: f, caller: guard.NewCaller[[]U](cfg.Policy), epochs: []epoch{{}}}
}

// Open implements operator.Operator.
func (o *Async[T, U]) Open(ctx operator.Context) error {
	o.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Async[T, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	for from := 0; from < len(in.Values); {
		for o.flying >= o.cfg.InFlight {
			if err := o.settle(); err != nil {
				return err
			}
			if o.flying < o.cfg.InFlight {
				break
			}
			o.ctx.Wait()
		}
		to := min(from+o.cfg.Bulk, len(in.Values))
		o.start(in.Values[from:to], in.Times[from:to])
		from = to
	}
	return o.settle()
}

func (o *Async[T, U]) start(values []T, times []event.Time) {
	var c *call[T, U]
	if n := len(o.free); n > 0 {
		c = o.free[n-1]
		o.free = o.free[:n-1]
	} else {
		c = new(call[T, U])
	}
	last := &o.epochs[len(o.epochs)-1]
	last.open++
	*c = call[T, U]{in: append(c.in, values...), times: append(c.times, times...), epoch: last.number}
	o.flying++
	if !o.cfg.Unordered {
		o.queue = append(o.queue, c)
	}
	o.ctx.Go(func(ctx context.Context) {
		c.out, c.err = o.call(ctx, c)
		o.mu.Lock()
		o.done = append(o.done, c)
		o.mu.Unlock()
		o.ctx.Wake()
	})
}

func (o *Async[T, U]) call(ctx context.Context, c *call[T, U]) ([]U, error) {
	return o.caller.Do(ctx, func(ctx context.Context) (u []U, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = guard.Permanent(operator.Panicked(v))
			}
		}()
		u, err = o.f(ctx, c.in)
		if err == nil && len(u) != len(c.in) {
			err = guard.Permanent(fmt.Errorf("the call returned %d results for %d records", len(u), len(c.in)))
		}
		return u, err
	})
}

// Woken implements operator.Waking.
func (o *Async[T, U]) Woken() error { return o.settle() }

// Holding implements operator.Holding: calls are under way.
func (o *Async[T, U]) Holding() bool { return o.flying > 0 }

// settle emits what is finished, as far as the order allows.
func (o *Async[T, U]) settle() error {
	o.mu.Lock()
	o.take, o.done = o.done, o.take[:0]
	o.mu.Unlock()
	for _, c := range o.take {
		c.ready = true
		if o.cfg.Unordered {
			if err := o.deliver(c); err != nil {
				return err
			}
		}
	}
	clear(o.take)
	k := 0
	for ; k < len(o.queue) && o.queue[k].ready; k++ {
		if err := o.deliver(o.queue[k]); err != nil {
			return err
		}
	}
	if k > 0 {
		n := copy(o.queue, o.queue[k:])
		clear(o.queue[n:])
		o.queue = o.queue[:n]
	}
	o.out.Emit(o.buf)
	o.pass()
	o.count()
	return nil
}

// deliver adds the result of a call to the output batch.
func (o *Async[T, U]) deliver(c *call[T, U]) error {
	o.flying--
	o.epochs[c.epoch-o.epochs[0].number].open--
	for i := range c.in {
		if c.err != nil {
			if err := o.ctx.Reject(c.in[i], c.times[i], c.err); err != nil {
				return err
			}
			continue
		}
		o.buf.Append(c.out[i], c.times[i])
		if len(o.buf.Values) == cap(o.buf.Values) {
			o.out.Emit(o.buf)
		}
	}
	clear(c.in)
	*c = call[T, U]{in: c.in[:0], times: c.times[:0]}
	o.free = append(o.free, c)
	return nil
}

// pass lets watermarks through whose records have all been emitted.
func (o *Async[T, U]) pass() {
	k := 0
	for k < len(o.epochs) && o.epochs[k].closed && o.epochs[k].open == 0 {
		k++
	}
	if k == 0 {
		return
	}
	wm := o.epochs[k-1].watermark
	n := copy(o.epochs, o.epochs[k:])
	o.epochs = o.epochs[:n]
	o.ctx.Watermark(wm)
}

// Watermark implements operator.Operator.
func (o *Async[T, U]) Watermark(t event.Time) error {
	if err := o.settle(); err != nil {
		return err
	}
	last := &o.epochs[len(o.epochs)-1]
	if last.open == 0 && len(o.epochs) > 1 {
		// Nothing since the last watermark: the two collapse.
		o.epochs[len(o.epochs)-2].watermark = t
		return nil
	}
	last.watermark, last.closed = t, true
	o.epochs = append(o.epochs, epoch{number: last.number + 1})
	o.pass()
	return nil
}

// Finish implements operator.Operator.
func (o *Async[T, U]) Finish() error {
	for {
		if err := o.settle(); err != nil {
			return err
		}
		if o.flying == 0 {
			return nil
		}
		o.ctx.Wait()
	}
}

// count publishes the counters of the caller.
func (o *Async[T, U]) count() {
	c := &o.caller.Counters
	add := func(name string, now int64, last *int64) {
		if d := now - *last; d > 0 {
			o.ctx.Count(name, d)
			*last = now
		}
	}
	add("calls", c.Calls.Load(), &o.counted.calls)
	add("retries", c.Retries.Load(), &o.counted.retries)
	add("throttled", c.Throttled.Load(), &o.counted.throttled)
	add("timeouts", c.Timeouts.Load(), &o.counted.timeouts)
}
