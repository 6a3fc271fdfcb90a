package transform_test

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// bench is a task that drops what is emitted.
type bench struct {
	now      time.Time
	alarm    time.Time
	yields   int
	dropped  int64
	emitted  int
	lastEmit []event.Time
	gauges   map[string]float64

	snapshots bool
}

func (c *bench) Emit(b event.Batch) {
	c.emitted += b.Len()
	c.lastEmit = append(c.lastEmit, b.EventTimes()...)
	b.Reset()
}
func (c *bench) Snapshots() bool                           { return c.snapshots }
func (c *bench) Name() string                              { return "bench" }
func (c *bench) Subtask() (int, int)                       { return 0, 1 }
func (c *bench) Output(int) operator.Output                { return c }
func (c *bench) Watermark(event.Time)                      {}
func (c *bench) Reject(_ any, _ event.Time, e error) error { return e }
func (c *bench) Wait()                                     {}
func (c *bench) Sleep(time.Duration)                       {}
func (c *bench) Wake()                                     {}
func (c *bench) WakeAt(at time.Time)                       { c.alarm = at }
func (c *bench) Go(func(context.Context))                  {}
func (c *bench) Now() time.Time                            { return c.now }
func (c *bench) Yield()                                    { c.yields++ }
func (c *bench) BatchCapacity(int) int                     { return 512 }
func (c *bench) Count(name string, n int64) {
	if name == "timers_dropped" {
		c.dropped += n
	}
}
func (c *bench) Gauge(name string, v float64, _ ...string) {
	if c.gauges == nil {
		c.gauges = map[string]float64{}
	}
	c.gauges[name] = v
}

// function is a Function made of functions.
type function struct {
	open    func(*transform.Scope[uint64, int64]) error
	process func(*transform.Scope[uint64, int64], *uint64) error
	onTimer func(*transform.Scope[uint64, int64], event.Time, transform.TimerKind) error
}

func (f *function) Open(s *transform.Scope[uint64, int64]) error { return f.open(s) }
func (f *function) Process(s *transform.Scope[uint64, int64], v *uint64) error {
	return f.process(s, v)
}
func (f *function) OnTimer(s *transform.Scope[uint64, int64], at event.Time, k transform.TimerKind) error {
	return f.onTimer(s, at, k)
}

func keyItself(v *uint64) uint64 { return *v }

func opened(t testing.TB, ctx *bench, f *function) operator.Operator {
	op := transform.NewProcess[uint64, uint64, int64](keyItself, f, transform.InMemory(memory.NewBackend[uint64]), nil)
	if err := op.Open(ctx); err != nil {
		t.Fatal(err)
	}
	return op
}

// feed processes keys from 0 to n-1, with their numbers as event times.
func feed(t testing.TB, op operator.Operator, n int) {
	in := event.NewRecords[uint64](1024)
	for i := range uint64(n) {
		in.Append(i, event.Time(i))
		in.Hashes = append(in.Hashes, event.HashUint64(i))
		if in.Len() == 1024 || i == uint64(n)-1 {
			if err := op.Process(in); err != nil {
				t.Fatal(err)
			}
			in.Reset()
		}
	}
}

// A million timers that are due at once fire in order, and others may run in
// between.
func TestManyTimersFireAtOnce(t *testing.T) {
	const n = 200_000
	ctx := &bench{now: time.Unix(1000, 0)}
	last := event.Time(-1)
	op := opened(t, ctx, &function{
		open: func(*transform.Scope[uint64, int64]) error { return nil },
		process: func(s *transform.Scope[uint64, int64], v *uint64) error {
			s.SetTimer(transform.EventTimer, n-s.Time())
			return nil
		},
		onTimer: func(s *transform.Scope[uint64, int64], at event.Time, _ transform.TimerKind) error {
			if at < last || s.Key() != uint64(n-at) {
				return fmt.Errorf("timer %v of key %d after %v", at, s.Key(), last)
			}
			last = at
			s.Emit(int64(at))
			return nil
		},
	})
	feed(t, op, n)
	if err := op.Watermark(n / 2); err != nil {
		t.Fatal(err)
	}
	if ctx.emitted != n/2 {
		t.Errorf("%d timers fired by the middle", ctx.emitted)
	}
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	if err := op.Finish(); err != nil {
		t.Fatal(err)
	}
	if ctx.emitted != n || ctx.yields < n/100 {
		t.Errorf("%d timers fired, with %d yields", ctx.emitted, ctx.yields)
	}
	if ctx.gauges["state_keys"] != 0 || ctx.gauges["timers"] != 0 || ctx.gauges["state_bytes"] <= 0 {
		t.Errorf("gauges at the end: %v", ctx.gauges)
	}
}

// What a timer emits is not late, also when the timer was set too late.
func TestOverdueTimersEmitInTime(t *testing.T) {
	ctx := &bench{now: time.Unix(1000, 0)}
	op := opened(t, ctx, &function{
		open: func(*transform.Scope[uint64, int64]) error { return nil },
		process: func(s *transform.Scope[uint64, int64], v *uint64) error {
			s.SetTimer(transform.EventTimer, event.Time(*v))
			return nil
		},
		onTimer: func(s *transform.Scope[uint64, int64], at event.Time, _ transform.TimerKind) error {
			s.Emit(int64(at))
			return nil
		},
	})
	feed(t, op, 1)
	for _, wm := range []event.Time{10, 20} {
		if err := op.Watermark(wm); err != nil {
			t.Fatal(err)
		}
		feed(t, op, 30)
	}
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	want := []event.Time{0}
	for i := range event.Time(21) {
		want = append(want, max(i, 11)) // behind 10
	}
	for i := range event.Time(30) {
		want = append(want, max(i, 21)) // behind 20; those from 21 on were set twice
	}
	if !slices.Equal(ctx.lastEmit, want) {
		t.Errorf("got %d, want %d", ctx.lastEmit, want)
	}
}

// The alarm is that of the first timer in processing time.
func TestProcessingTimersSetTheAlarm(t *testing.T) {
	ctx := &bench{now: time.Unix(1000, 0).UTC()}
	at := func(i uint64) time.Time { return time.Unix(2000-int64(i), 0).UTC() }
	var fired []uint64
	op := opened(t, ctx, &function{
		open: func(*transform.Scope[uint64, int64]) error { return nil },
		process: func(s *transform.Scope[uint64, int64], v *uint64) error {
			s.SetTimer(transform.ProcessingTimer, event.At(at(*v)))
			return nil
		},
		onTimer: func(s *transform.Scope[uint64, int64], due event.Time, _ transform.TimerKind) error {
			fired = append(fired, s.Key())
			return nil
		},
	})
	feed(t, op, 10)
	if !ctx.alarm.Equal(at(9)) {
		t.Errorf("the alarm is at %v, want %v", ctx.alarm, at(9))
	}
	ctx.now = at(6)
	if err := op.(operator.Waking).Woken(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fired, []uint64{9, 8, 7, 6}) || !ctx.alarm.Equal(at(5)) {
		t.Errorf("fired %v, the alarm is at %v", fired, ctx.alarm)
	}
	if err := op.Watermark(event.MaxTime); err != nil {
		t.Fatal(err)
	}
	if err := op.Finish(); err != nil {
		t.Fatal(err)
	}
	if len(fired) != 4 || ctx.dropped != 6 || !ctx.alarm.IsZero() {
		t.Errorf("fired %v, dropped %d, the alarm is at %v", fired, ctx.dropped, ctx.alarm)
	}
}

// BenchmarkValue compares a process function that counts per key with a plain
// loop over a builtin map that does the same, in the same run.
func BenchmarkValue(b *testing.B) {
	for _, keys := range []uint64{10_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			var n *state.Value[int64]
			op := opened(b, &bench{now: time.Unix(1000, 0)}, &function{
				open: func(s *transform.Scope[uint64, int64]) error { n = state.NewValue[int64](s.Store(), "n"); return nil },
				process: func(s *transform.Scope[uint64, int64], v *uint64) error {
					*n.Upsert()++
					return nil
				},
			})
			plain := map[uint64]int64{}
			const batch = 1024
			in := sizedRecords(batch)
			x := uint64(7)
			round := func(batches int, f func()) (took time.Duration) {
				for range batches {
					for i := range in.Values {
						x += 0x9E3779B97F4A7C15
						hi, lo := bits.Mul64(x, 0xd6e8feb86659fd93)
						hi, _ = bits.Mul64(hi^lo, keys)
						in.Values[i] = hi*0x9E3779B97F4A7C15 + 12345
						in.Hashes[i] = event.HashUint64(in.Values[i])
					}
					start := time.Now()
					f()
					took += time.Since(start)
				}
				return took
			}
			ours := func() {
				if err := op.Process(in); err != nil {
					b.Fatal(err)
				}
			}
			theirs := func() {
				for _, k := range in.Values {
					plain[k]++
				}
			}
			warm := int(6*keys/batch) + 1
			round(warm, ours)
			round(warm, theirs)
			var a, p time.Duration
			records := 0
			b.ResetTimer()
			for records < b.N {
				a += round(200, ours)
				p += round(200, theirs)
				records += 200 * batch
			}
			b.ReportMetric(float64(a)/float64(records), "process-ns/record")
			b.ReportMetric(float64(p)/float64(records), "map-ns/record")
			b.ReportMetric(float64(p)/float64(a), "ratio")
		})
	}
}

func sizedRecords(n int) *event.Records[uint64] {
	r := event.NewRecords[uint64](n)
	for range n {
		r.Append(0, 0)
	}
	r.KeyHashes()
	return r
}
