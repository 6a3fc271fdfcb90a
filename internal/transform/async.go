package transform

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

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
	// Bytes is the most memory that records with calls under way, and results
	// that wait for their turn, may take before no further call is made.
	Bytes int64
	// CacheEntries bounds the cache of a Lookup, 0 for none; CacheTTL is how
	// long an answer counts, 0 for as long as it is in the cache.
	CacheEntries int
	CacheTTL     time.Duration
}

// Async calls an outside system for each record, or for a few at once, with
// many calls at a time. A call takes records of one batch only: no record
// waits for others to come.
type Async[T, U any] struct {
	base
	position
	cfg    AsyncConfig
	f      func(context.Context, []T) ([]U, error)
	caller *guard.Caller[[]U]
	buf    *event.Records[U]
	free   []*call[T, U]
	// queue holds the calls in the order of their records, and between them
	// what was at hand; in unordered mode it is not used but for what was at hand
	// in a snapshot.
	queue      []*call[T, U]
	queueLimit int
	// under holds the calls in unordered mode, for snapshots.
	under   []*call[T, U]
	hurried operator.Hurried // nil without checkpoints
	// waiting are calls that are made when others have returned: restored ones,
	// and those of a batch that had to come to its end for a barrier.
	waiting []*call[T, U]
	// epochs are the spans between watermarks, oldest first.
	epochs []epoch
	flying int
	load   load // calls that have not returned
	// atHand answers records that need no call; it may be nil.
	atHand       func(v *T) (U, bool)
	hits, misses int64

	bytes   int64 // of calls under way, and of results in the queue
	records event.Records[T]
	results event.Records[U]
	gauges  gauges

	mu    sync.Mutex
	done  []*call[T, U] // finished calls, written by their goroutines
	taken []*call[T, U]
}

// call is some records on their way. One without input is of results that were
// at hand and wait for their turn.
type call[T, U any] struct {
	in    []T
	own   []T // what the function gets: it may change it
	at    int // in under
	times []event.Time
	epoch int // number of their span
	out   []U
	err   error
	ready bool // seen as finished by the task
	bytes int64
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
	return newEach(cfg, f)
}

// newEach is an operator with a call for each record.
func newEach[T, U any](cfg AsyncConfig, f func(context.Context, *T) (U, error)) *Async[T, U] {
	cfg.Bulk = 1
	return newAsync(cfg, func(ctx context.Context, in []T) ([]U, error) {
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
	return newAsync(cfg, f)
}

func newAsync[T, U any](cfg AsyncConfig, f func(context.Context, []T) ([]U, error)) *Async[T, U] {
	cfg.InFlight, cfg.Bulk = max(cfg.InFlight, 1), max(cfg.Bulk, 1)
	if cfg.Bytes <= 0 {
		cfg.Bytes = math.MaxInt64
	}
	return &Async[T, U]{cfg: cfg, f: f, queueLimit: cfg.InFlight, caller: guard.NewCaller[[]U](cfg.Policy), epochs: []epoch{{}}}
}

// Open implements operator.Operator.
func (o *Async[T, U]) Open(ctx operator.Context) error {
	o.buf = event.NewRecords[U](ctx.BatchCapacity(event.TypeOf[U]().Size()))
	o.hurried, _ = ctx.(operator.Hurried)
	return o.base.Open(ctx)
}

// Process implements operator.Operator.
func (o *Async[T, U]) Process(b event.Batch) error {
	in := b.(*event.Records[T])
	for from := 0; from < len(in.Values); {
		for o.full() {
			if err := o.settle(); err != nil {
				return err
			}
			if !o.full() {
				break
			}
			if o.hurried != nil && o.hurried.Hurry() {
				o.postpone(in, from)
				return o.settle()
			}
			o.ctx.Wait()
		}
		if o.atHand != nil {
			to, missing, err := o.answer(in, from)
			if err != nil {
				if err := o.ctx.Reject(in.Values[to], in.Times[to], err); err != nil {
					return err
				}
				to++
			}
			if from = to; !missing {
				continue
			}
		}
		to := min(from+o.cfg.Bulk, len(in.Values))
		o.start(in.Values[from:to], in.Times[from:to])
		from = to
	}
	return o.settle()
}

// postpone lets the records of a batch from an index on wait for their turn.
func (o *Async[T, U]) postpone(in *event.Records[T], from int) {
	for from < len(in.Values) {
		to := min(from+o.cfg.Bulk, len(in.Values))
		o.waiting = append(o.waiting, o.take(in.Values[from:to], in.Times[from:to]))
		from = to
	}
}

// full tells whether nothing more may be taken before a call has come back.
func (o *Async[T, U]) full() bool {
	return len(o.waiting) > 0 || o.flying >= o.cfg.InFlight || o.flying > 0 && o.bytes >= o.cfg.Bytes || len(o.queue) >= o.queueLimit
}

// next is a call for the span that is open, in its place in the queue.
func (o *Async[T, U]) next() *call[T, U] {
	var c *call[T, U]
	if n := len(o.free); n > 0 {
		c = o.free[n-1]
		o.free = o.free[:n-1]
	} else {
		c = new(call[T, U])
	}
	last := &o.epochs[len(o.epochs)-1]
	last.open++
	c.epoch = last.number
	if !o.cfg.Unordered {
		o.queue = append(o.queue, c)
	}
	return c
}

func (o *Async[T, U]) start(values []T, times []event.Time) { o.launch(o.take(values, times)) }

// take makes a call of records, which is not under way yet.
func (o *Async[T, U]) take(values []T, times []event.Time) *call[T, U] {
	c := o.next()
	c.in, c.times = append(c.in, values...), append(c.times, times...)
	o.records.Values = values
	c.bytes = o.records.Bytes()
	o.records.Values = nil
	o.bytes += c.bytes
	if o.cfg.Unordered {
		c.at = len(o.under)
		o.under = append(o.under, c)
	}
	return c
}

func (o *Async[T, U]) launch(c *call[T, U]) {
	o.flying++
	o.load.change(+1, o.ctx.Now())
	o.ctx.Go(func(ctx context.Context) {
		c.out, c.err = o.call(ctx, c)
		o.load.change(-1, o.ctx.Now())
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
		c.own = append(c.own[:0], c.in...)
		u, err = o.f(ctx, c.own)
		if err == nil && len(u) != len(c.in) {
			err = guard.Permanent(fmt.Errorf("the call returned %d results for %d records", len(u), len(c.in)))
		}
		return u, err
	})
}

// Woken implements operator.Waking.
func (o *Async[T, U]) Woken() error { return o.settle() }

// Holding implements operator.Holding: calls are under way, or their results
// wait for their turn.
func (o *Async[T, U]) Holding() bool {
	return o.flying > 0 || len(o.queue) > 0 || len(o.waiting) > 0
}

// settle emits what is finished, as far as the order allows.
func (o *Async[T, U]) settle() error {
	o.mu.Lock()
	o.taken, o.done = o.done, o.taken[:0]
	o.mu.Unlock()
	for _, c := range o.taken {
		c.ready = true
		o.flying--
		o.weigh(c, 0)
		if o.cfg.Unordered {
			last := len(o.under) - 1
			o.under[c.at] = o.under[last]
			o.under[c.at].at = c.at
			o.under[last] = nil
			o.under = o.under[:last]
			if err := o.deliver(c); err != nil {
				return err
			}
		}
	}
	clear(o.taken)
	o.launchWaiting()
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

// launchWaiting makes restored calls as far as that may be.
func (o *Async[T, U]) launchWaiting() {
	for len(o.waiting) > 0 && o.flying < o.cfg.InFlight {
		c := o.waiting[0]
		o.waiting[0] = nil
		o.waiting = o.waiting[1:]
		o.launch(c)
	}
}

// deliver adds the result of a call to the output batch.
func (o *Async[T, U]) deliver(c *call[T, U]) error {
	for i, t := range c.times {
		if c.err != nil {
			if err := o.ctx.Reject(c.in[i], t, c.err); err != nil {
				return err
			}
			continue
		}
		o.buf.Append(c.out[i], t)
		if len(o.buf.Values) == cap(o.buf.Values) {
			o.out.Emit(o.buf)
		}
	}
	o.release(c)
	return nil
}

// release takes a call out of what is held, to be used again.
func (o *Async[T, U]) release(c *call[T, U]) {
	o.bytes -= c.bytes
	o.epochs[c.epoch-o.epochs[0].number].open--
	var out []U // that of a call is the user's
	if len(c.in) == 0 {
		clear(c.out)
		out = c.out[:0]
	}
	clear(c.in)
	clear(c.own)
	*c = call[T, U]{in: c.in[:0], own: c.own[:0], times: c.times[:0], out: out}
	o.free = append(o.free, c)
}

// weigh adds the results of a call from one on to what is held.
func (o *Async[T, U]) weigh(c *call[T, U], from int) {
	o.results.Values = c.out[from:]
	n := o.results.Bytes()
	o.results.Values = nil
	c.bytes += n
	o.bytes += n
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
			o.publish()
			return nil
		}
		o.ctx.Wait()
	}
}

// Calls implements operator.Calling.
func (o *Async[T, U]) Calls(now time.Time) operator.Calls {
	c := &o.caller.Counters
	return operator.Calls{
		InFlight: o.load.mean(now), Limit: o.cfg.InFlight,
		Made: c.Calls.Load(), Retries: c.Retries.Load(), Throttled: c.Throttled.Load(), Timeouts: c.Timeouts.Load(),
	}
}

// count publishes what the cache did.
func (o *Async[T, U]) count() {
	if o.hits > 0 {
		o.ctx.Count("cache_hits", o.hits)
	}
	if o.misses > 0 {
		o.ctx.Count("cache_misses", o.misses)
	}
	o.hits, o.misses = 0, 0
	if o.gauges.due(o.ctx.Now()) {
		o.publish()
	}
}

// publish sets the gauges of what is on the way.
func (o *Async[T, U]) publish() {
	o.ctx.Gauge("in_flight_calls", float64(o.flying))
	o.ctx.Gauge("in_flight_bytes", float64(o.bytes))
}
