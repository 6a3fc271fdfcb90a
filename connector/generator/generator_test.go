package generator_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
)

type tick struct {
	I    int64
	Name string
}

func fill(i int64, v *tick) {
	if v.I != 0 || v.Name != "" {
		panic("the record was not zero")
	}
	v.I, v.Name = i, "tick"
}

func key(v *tick) int { return int(v.I) }

func TestContract(t *testing.T) {
	t.Run("as fast as taken", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.Source[tick]{
			New: func(_ testing.TB, n int) connector.Source[tick] {
				return generator.Source(fill, generator.Count(int64(n)))
			},
			Key: key, Positioned: true,
		})
	})
	t.Run("at a rate", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.Source[tick]{
			New: func(_ testing.TB, n int) connector.Source[tick] {
				return generator.Source(fill, generator.Count(int64(n)), generator.Rate(generator.Constant(50_000)))
			},
			Key: key, Positioned: true,
		})
	})
}

func trace(t *testing.T, s string) generator.Profile {
	p, err := generator.Trace(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func profiles(t *testing.T) []generator.Profile {
	return []generator.Profile{
		generator.Constant(777),
		generator.Ramp(100, 900, 2*time.Second),
		generator.Spike(100, 1000, time.Second, 2*time.Second, 0, 0),
		generator.Spike(100, 1000, time.Second, 2*time.Second, 300*time.Millisecond, 500*time.Millisecond),
		generator.Sine(500, 500, 700*time.Millisecond),
		generator.Bursts(0, 2000, 100*time.Millisecond, time.Second),
		trace(t, "seconds,rate\n0,100\n0.5,0\n1.5,2000\n2.25,10\n"),
		trace(t, "1,100\n2,300"),
	}
}

// TestTotalIsIntegralOfRate sums the rate in small steps.
func TestTotalIsIntegralOfRate(t *testing.T) {
	const step = 10 * time.Microsecond
	for _, p := range profiles(t) {
		sum := 0.0
		for at := time.Duration(0); at < 3*time.Second; at += step {
			sum += p.Rate(at+step/2) * step.Seconds()
		}
		if got := p.Total(3 * time.Second); math.Abs(got-sum) > 0.05 {
			t.Errorf("%v: Total says %v, the sum of the rate is %v", p, got, sum)
		}
	}
}

// run reads every shard of a source in fake time and calls see for each record.
func run(t *testing.T, src connector.Source[tick], parallelism int, see func(v tick, due event.Time)) {
	t.Helper()
	for i := range parallelism {
		r, err := src.Open(context.Background(), connector.Subtask{Index: i, Parallelism: parallelism, Gauge: func(string, float64, ...string) {}})
		if err != nil {
			t.Fatal(err)
		}
		dst := event.NewRecords[tick](100)
		for done := false; !done; {
			dst.Reset()
			st, err := r.Poll(dst, connector.Limit{Records: 100, Bytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for j := range dst.Values {
				see(dst.Values[j], dst.Times[j])
			}
			done = st.State == connector.Done
			if st.State == connector.Idle {
				if st.After < time.Millisecond {
					t.Fatalf("idle for %v only", st.After)
				}
				time.Sleep(st.After) // fake time
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsAreTheIntegral(t *testing.T) {
	for _, p := range profiles(t) {
		for _, parallelism := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				src := generator.Source(fill, generator.Rate(p), generator.For(3*time.Second), generator.StartAt(start))
				seen, last := map[int64]bool{}, event.MinTime
				run(t, src, parallelism, func(v tick, due event.Time) {
					if seen[v.I] {
						t.Fatalf("%v: index %d twice", p, v.I)
					}
					seen[v.I] = true
					at := time.Duration(due - event.At(start))
					if want := p.Total(at); math.Abs(want-float64(v.I+1)) > 1+p.Rate(at)/1000 {
						t.Fatalf("%v: record %d was due at %v, when %v records are", p, v.I, at, want)
					}
					if parallelism == 1 && due < last {
						t.Fatalf("%v: due times go back", p)
					}
					last = due
				})
				if want := int(p.Total(3*time.Second) + 1e-6); len(seen) != want {
					t.Errorf("%v at parallelism %d: got %d records, want %d", p, parallelism, len(seen), want)
				}
			})
		}
	}
}

// TestNoRecordIsEarly compares with the clock at the poll.
func TestNoRecordIsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := generator.Source(fill, generator.Rate(generator.Constant(3)), generator.Count(10))
		start := time.Now()
		run(t, src, 1, func(v tick, due event.Time) {
			if now := event.At(time.Now()); due > now || now-due > event.Time(2*time.Millisecond) {
				t.Errorf("record %d is due at %v, it is %v", v.I, due, now)
			}
		})
		if got := time.Since(start); got < 3333*time.Millisecond || got > 3340*time.Millisecond {
			t.Errorf("10 records at 3/s took %v", got)
		}
	})
}

func poll(t *testing.T, r connector.Reader[tick], n int) *event.Records[tick] {
	t.Helper()
	dst := event.NewRecords[tick](n)
	if _, err := r.Poll(dst, connector.Limit{Records: n, Bytes: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestBacklog(t *testing.T) {
	now := time.Unix(1000, 0)
	lag := -1.0
	sub := connector.Subtask{Parallelism: 1}
	gauge := func(_ string, v float64, _ ...string) { lag = v }
	open := func(o ...generator.Option) connector.Reader[tick] {
		now = time.Unix(1000, 0)
		o = append(o, generator.Rate(generator.Constant(1000)), generator.Clock(func() time.Time { return now }))
		r, err := generator.Source(fill, o...).Open(context.Background(), sub)
		if err != nil {
			t.Fatal(err)
		}
		if got := poll(t, r, 10); got.Len() != 0 {
			t.Fatalf("%d records at the start", got.Len())
		}
		now = now.Add(5 * time.Second) // pressure: nobody polls
		return r
	}
	all := poll(t, open(), 100_000)
	if all.Len() != 5000 || all.Times[0] != event.At(time.Unix(1000, 1e6)) {
		t.Errorf("got %d records, the first due at %v, want 5000 from the first millisecond on", all.Len(), all.Times[0])
	}
	r := open()
	poll(t, r, 100)
	if r.(connector.Measured).Measure(gauge); lag != 4900 {
		t.Errorf("the lag is %v after 100 of 5000 records, want 4900", lag)
	}
	r = open(generator.MaxBacklog(200))
	some := poll(t, r, 100_000)
	if some.Len() != 200 || some.Values[0].I != 0 || some.Times[199] != event.At(now) {
		t.Errorf("got %d records from index %d, the last due at %v; want 200 from 0, due now (%v)", some.Len(), some.Values[0].I, some.Times[199], event.At(now))
	}
	now = now.Add(10 * time.Millisecond)
	if next := poll(t, r, 100); next.Len() != 10 || next.Values[0].I != 200 {
		t.Errorf("10 ms later: got %d records, want 10 from index 200 on", next.Len())
	}
}

func TestTimedAndUnlimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type stamped struct{ Due event.Time }
		src := generator.Timed(func(_ int64, due event.Time, v *stamped) { v.Due = due }, generator.For(time.Second))
		r, err := src.Open(context.Background(), connector.Subtask{Parallelism: 1})
		if err != nil {
			t.Fatal(err)
		}
		dst := event.NewRecords[stamped](10)
		st, err := r.Poll(dst, connector.Limit{Records: 10, Bytes: 1 << 20})
		if err != nil || st.State != connector.Ready || dst.Len() != 10 || dst.Values[3].Due != dst.Times[3] {
			t.Errorf("got %v, %v, %d records", st, err, dst.Len())
		}
		time.Sleep(time.Second) // fake time
		if st, _ = r.Poll(dst, connector.Limit{Records: 10, Bytes: 1 << 20}); st.State != connector.Done || dst.Len() != 10 {
			t.Errorf("after its time: got %v and %d records", st, dst.Len())
		}
	})
}

func TestWrongParameters(t *testing.T) {
	for _, p := range []generator.Profile{
		generator.Constant(-1), generator.Constant(math.NaN()), generator.Ramp(1, math.Inf(1), 1),
		generator.Sine(1, 2, time.Second), generator.Bursts(1, 2, time.Second, 0),
		generator.Spike(1, 2, 3, 2, 0, 0),
	} {
		if _, err := generator.Source(fill, generator.Rate(p)).Open(context.Background(), connector.Subtask{Parallelism: 1}); err == nil {
			t.Errorf("%v was accepted", p)
		}
	}
	for _, s := range []string{"", "seconds,rate", "0,1\n0,2", "1,5\n0,5", "0,-1", "0,x\n1,x", "a,1"} {
		if p, err := generator.Trace(strings.NewReader(s)); err == nil {
			t.Errorf("trace %q was accepted: %v", s, p)
		}
	}
}

func TestPollDoesNotAllocate(t *testing.T) {
	type plain struct{ A, B int64 }
	for name, o := range map[string][]generator.Option{"unlimited": nil, "rate": {generator.Rate(generator.Constant(1e9))}} {
		r, err := generator.Source(func(i int64, v *plain) { v.A = i }, o...).Open(context.Background(), connector.Subtask{Parallelism: 1, Gauge: func(string, float64, ...string) {}})
		if err != nil {
			t.Fatal(err)
		}
		dst := event.NewRecords[plain](1000)
		if n := testing.AllocsPerRun(100, func() {
			dst.Reset()
			if _, err := r.Poll(dst, connector.Limit{Records: 1000, Bytes: 1 << 20}); err != nil {
				t.Fatal(err)
			}
		}); n > 0.5 {
			t.Errorf("%s: %v allocations a poll", name, n)
		}
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("seconds,rate\n0,100\n5,0\n10,1e3")
	f.Add("5,1\n5,2")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := generator.Trace(strings.NewReader(s))
		if err != nil {
			return
		}
		last := 0.0
		for at := time.Duration(0); at < 20*time.Second; at += 500 * time.Millisecond {
			n := p.Total(at)
			if n < last || math.IsNaN(n) || !(p.Rate(at) >= 0) {
				t.Fatalf("%q: total %v after %v, rate %v", s, n, last, p.Rate(at))
			}
			last = n
		}
	})
}

func BenchmarkPoll(b *testing.B) {
	type plain struct{ A, B int64 }
	for name, o := range map[string][]generator.Option{"unlimited": nil, "rate": {generator.Rate(generator.Constant(1e12))}} {
		b.Run(name, func(b *testing.B) {
			r, err := generator.Source(func(i int64, v *plain) { v.A = i }, o...).Open(context.Background(), connector.Subtask{Parallelism: 1, Gauge: func(string, float64, ...string) {}})
			if err != nil {
				b.Fatal(err)
			}
			dst := event.NewRecords[plain](1000)
			n := 0
			for b.Loop() {
				dst.Reset()
				if _, err := r.Poll(dst, connector.Limit{Records: 1000, Bytes: 1 << 20}); err != nil {
					b.Fatal(err)
				}
				n += dst.Len()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}
