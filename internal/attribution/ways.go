package main

import (
	"context"
	"runtime/debug"
	"time"

	"golang.org/x/time/rate"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/state/pebble"
)

// way is one way to become a bottleneck, and the cause that must be named.
type way struct {
	cause diagnosis.Cause
	// heavy cases need the machine for themselves.
	heavy bool
	// follows tells that nothing is planted at the operator for it: the cause
	// follows from what else is.
	follows bool
	// prepare changes the job before its operators are made.
	prepare func(b *builder, at string)
	// The operator, by its place in the graph; work is a part of another one.
	source func(b *builder, t *topic) connector.Source[Record]
	stage  func(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record]
	sink   func(b *builder, name string) connector.Sink[Record]
	work   func(b *builder) func()
}

// ways by the names that the rows of the table use.
var ways = map[string]*way{
	"cpu":       {cause: diagnosis.CPU, heavy: true, prepare: many, stage: spinning, sink: encoding, work: spins},
	"calls":     {cause: diagnosis.Outside, prepare: few, stage: calls(slowly)},
	"bulk":      {cause: diagnosis.Outside, prepare: few, stage: bulk},
	"lookup":    {cause: diagnosis.Outside, prepare: few, stage: lookup},
	"waits":     {cause: diagnosis.Outside, heavy: true, prepare: few, stage: waits},
	"429":       {cause: diagnosis.Throttled, prepare: few, stage: calls(refusing)},
	"later":     {cause: diagnosis.Throttled, prepare: few, stage: calls(postponing)},
	"breaker":   {cause: diagnosis.Throttled, prepare: few, stage: broken},
	"disk":      {cause: diagnosis.State, heavy: true, prepare: onDisk, stage: fat},
	"table":     {cause: diagnosis.State, heavy: true, prepare: largeTable},
	"hot":       {cause: diagnosis.Skew, heavy: true, prepare: hotKey(1000, 5000), work: hotWork},
	"hot calls": {cause: diagnosis.Skew, prepare: hotKey(200, 2000), stage: oneByOne},
	"posts":     {cause: diagnosis.Sink, heavy: true, prepare: few, sink: posting},
	"presses":   {cause: diagnosis.Sink, prepare: few, sink: pressing},
	"decode":    {cause: diagnosis.Source, heavy: true, prepare: many, source: decoding},
	"fetch":     {cause: diagnosis.Source, source: fetching},
	"splits":    {cause: diagnosis.Splits, source: fewSplits},
	"silence":   {cause: diagnosis.Starved, source: silent},
	"expiry":    {cause: diagnosis.Retention, source: expiring},
	"expires":   {cause: diagnosis.Retention, source: forgetting},
	"backlog":   {cause: diagnosis.Lag, source: jumping},
	"kafka":     {cause: diagnosis.Source, heavy: true, prepare: many, source: kafkaDecoding(splitsOfTopic)},
	"kafka one": {cause: diagnosis.Splits, heavy: true, prepare: many, source: kafkaDecoding(1)},
	"branch":    {cause: diagnosis.Branch, follows: true},
	"no store":  {cause: diagnosis.Checkpoint, prepare: checkpoints(refuse)},
	"slow":      {cause: diagnosis.Checkpoint, prepare: checkpoints(delay)},
	"barriers":  {cause: diagnosis.Checkpoint, follows: true, prepare: aligned},
	"garbage":   {cause: diagnosis.GC, heavy: true, prepare: tightMemory, stage: littering},
}

// spin burns the processor for a while. On a busy machine it takes as long and
// burns less, so that what is planted stays what it is.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// tooLong is the time a record with which all subtasks together keep up with a
// quarter of what comes, or with half where half of it comes.
func (b *builder) tooLong() time.Duration {
	return time.Duration(4 * float64(b.parallelism) / b.rate * 1e9)
}

func spins(b *builder) func() {
	d := b.tooLong()
	return func() {
		if b.on.Load() {
			spin(d)
		}
	}
}

func spinning(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	work := spins(b)
	return s.Update(name, func(*Record) { work() })
}

// inFlight is how many calls each subtask may make at a time.
const inFlight = 4

// slowly makes a service so slow that the calls in flight do not suffice.
func slowly(b *builder, s *service) {
	s.delay.Store(int64(inFlight) * int64(b.tooLong()))
}

// refusing makes a service refuse what comes too fast, and ask to try again soon.
func refusing(b *builder, s *service) {
	s.retry = 20 * time.Millisecond
	s.limited.Store(rate.NewLimiter(rate.Limit(b.rate/8), 5))
}

// postponing makes a service ask callers to wait so long that it hardly refuses
// any: their calls are waits for the most part.
func postponing(b *builder, s *service) {
	s.retry = 200 * time.Millisecond
	s.limited.Store(rate.NewLimiter(rate.Limit(b.rate/4), 5))
}

// calls asks a service for each record.
func calls(trouble func(*builder, *service)) func(*builder, *afflux.Stream[Record], string) *afflux.Stream[Record] {
	return func(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
		out := b.outside(trouble)
		return s.MapAsync(name, func(ctx context.Context, v *Record) (Record, error) {
			return *v, out.ask(ctx, v.Seq)
		}, afflux.InFlight(inFlight), afflux.Retry(3))
	}
}

// outside is a service that gets into trouble when the bottleneck is switched
// on.
func (b *builder) outside(trouble func(*builder, *service)) *service {
	out := b.service()
	b.onset(func() { trouble(b, out) })
	return out
}

func bulk(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	const most = 10
	out := b.outside(func(b *builder, s *service) { s.delay.Store(most * inFlight * int64(b.tooLong())) })
	return s.MapBulk(name, most, func(ctx context.Context, v []Record) ([]Record, error) {
		return v, out.ask(ctx, v[0].Seq)
	}, afflux.InFlight(inFlight))
}

func lookup(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	out := b.outside(slowly)
	return s.Lookup(name, byKey, func(ctx context.Context, key int64) (int64, bool, error) {
		return key, true, out.ask(ctx, key)
	}, func(v *Record, _ *int64) Record { return *v }, afflux.InFlight(inFlight), afflux.LookupCache(100, time.Second))
}

// waits asks a service in a plain function, as people do.
func waits(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	out := b.outside(func(b *builder, s *service) { s.delay.Store(int64(b.tooLong())) })
	return s.TryUpdate(name, func(v *Record) error {
		if !b.on.Load() {
			return nil
		}
		return out.ask(context.Background(), v.Seq)
	})
}

func broken(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	out := b.outside(func(_ *builder, s *service) { s.broken.Store(true) })
	guarded := &breaker{}
	return s.MapAsync(name, func(ctx context.Context, v *Record) (Record, error) {
		return *v, guarded.do(func() error { return out.ask(ctx, v.Seq) })
	}, afflux.InFlight(inFlight))
}

// hotKey gives most records one key when the bottleneck is switched on.
func hotKey(before, after float64) func(*builder, string) {
	return func(b *builder, _ string) {
		b.rate, b.surge = before, after
		b.key = func(seq int64) int64 {
			if b.on.Load() && seq%10 < 8 {
				return 7
			}
			return seq % 10_007
		}
	}
}

func hotWork(*builder) func() { return func() { spin(300 * time.Microsecond) } }

// oneByOne is a keyed call of which each subtask makes one at a time.
func oneByOne(b *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	out := b.service()
	return s.KeyBy("by key", byKey).Stream().MapAsync(name, func(ctx context.Context, v *Record) (Record, error) {
		return *v, out.ask(ctx, v.Seq)
	}, afflux.InFlight(1))
}

// decoding makes each record much work to read.
func decoding(b *builder, t *topic) connector.Source[Record] {
	t.decode = spins(b)
	return t
}

// fetching limits what a reader gets.
func fetching(b *builder, t *topic) connector.Source[Record] {
	t.fetch = func() float64 {
		if b.on.Load() {
			return b.rate / float64(b.parallelism) / 2
		}
		return 0
	}
	return t
}

// fewSplits is a topic with one split, which its reader gets too slowly.
func fewSplits(b *builder, t *topic) connector.Source[Record] {
	t.splits = 1
	t.fetch = func() float64 {
		if b.on.Load() {
			return b.rate / 2
		}
		return 0
	}
	return t
}

// keptRecords is how many records a log keeps that forgets.
const keptRecords = 40_000

// expiring reads too slowly from a log that forgets.
func expiring(b *builder, t *topic) connector.Source[Record] {
	fetching(b, t)
	return forgetting(b, t)
}

// forgetting is a log that forgets, which matters to a job that is behind.
func forgetting(b *builder, t *topic) connector.Source[Record] {
	t.read, t.keeps = 2*keptRecords, keptRecords/int64(t.splits)
	return t
}

// jumping has many records all at once, which it can read.
func jumping(b *builder, t *topic) connector.Source[Record] {
	t.jump, t.jumped = 60_000, b.on.Load
	t.fetch = func() float64 { return 4 * b.rate / float64(b.parallelism) }
	return t
}

// silent is a topic to which nothing more comes.
func silent(b *builder, t *topic) connector.Source[Record] {
	t.rate = func(time.Duration) float64 {
		if b.on.Load() {
			return 0
		}
		return b.rate
	}
	return t
}

// onDisk keeps state on disk, with little memory.
func onDisk(b *builder, _ string) {
	b.rate, b.surge = 1000, 1000
	b.key = func(seq int64) int64 {
		if b.on.Load() {
			return seq * 7919 % 211
		}
		return seq % int64(b.parallelism)
	}
	b.stateOnDisk()
}

// largeTable keeps little for each of so many keys that few are in memory.
func largeTable(b *builder, _ string) {
	b.rate, b.surge = 2000, 300_000
	b.key = func(seq int64) int64 {
		if b.on.Load() {
			return int64(uint64(seq) * 0x9e3779b97f4a7c15 >> 16 % 500_000)
		}
		return seq % 1009
	}
	b.stateOnDisk()
}

// stateOnDisk gives states as little memory as there can be.
func (b *builder) stateOnDisk() {
	disk, err := pebble.In(b.directory(), pebble.MinMemory)
	if err != nil {
		b.fail(err)
		return
	}
	b.job.Set(afflux.StateOnDisk(disk))
}

// fat keeps much for each key.
func fat(_ *builder, s *afflux.Stream[Record], name string) *afflux.Stream[Record] {
	return s.KeyBy("by key", byKey).Process(name, func() *keeper { return &keeper{} }, afflux.AnyOrder())
}

// tightMemory makes the collector run for every tenth that the heap grows, as a
// memory limit close to what is live does.
func tightMemory(b *builder, _ string) {
	before := debug.SetGCPercent(10)
	b.cleanups = append(b.cleanups, func() {
		debug.SetGCPercent(before)
		debug.FreeOSMemory()
	})
}
