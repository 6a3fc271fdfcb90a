package afflux_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// faulty is a source and a sink that panics in one of its methods.
type faulty struct{ in string }

func (f faulty) oops(where string) {
	if f.in == where {
		panic("oops in " + where)
	}
}

type faultySource struct{ faulty }

func (f faultySource) Describe() connector.Description { return connector.Description{Kind: "faulty"} }
func (f faultySource) Open(context.Context, connector.Subtask) (connector.Reader[int], error) {
	f.oops("Open")
	return &faultyReader{faulty: f.faulty}, nil
}

type faultyReader struct {
	faulty
	n int
}

func (f *faultyReader) Poll(dst *event.Records[int], _ connector.Limit) (connector.Status, error) {
	dst.Append(f.n, event.MinTime)
	if f.n++; f.n == 100 {
		f.oops("Poll")
		return connector.Status{State: connector.Done}, nil
	}
	return connector.Status{}, nil
}
func (f *faultyReader) Commit(context.Context, []connector.Split) error { f.oops("Commit"); return nil }
func (f *faultyReader) Close() error                                    { f.oops("Close"); return nil }

type faultySink struct{ faulty }

func (f faultySink) Describe() connector.Description { return connector.Description{Kind: "faulty"} }
func (f faultySink) Open(context.Context, connector.Subtask) (connector.Writer[int], error) {
	f.oops("Open")
	return f, nil
}
func (f faultySink) Write(b *event.Records[int], from int) (int, error) {
	f.oops("Write")
	return len(b.Values) - from, nil
}
func (f faultySink) Flush(context.Context) error { f.oops("Flush"); return nil }
func (f faultySink) Close() error                { f.oops("Close"); return nil }

// bad panics on record 77.
func bad(v *int) {
	if *v == 77 {
		panic("oops")
	}
}

func badSum() afflux.Aggregator[int, int, int] {
	return afflux.Sum(func(v *int) int { bad(v); return *v })
}

// TestPanicsBecomeErrors has a panic in every kind of function of the user.
func TestPanicsBecomeErrors(t *testing.T) {
	ok := func() *collector[int] { return new(collector[int]) }
	times := func(v *int) event.Time { return event.Time(*v) }
	key := func(v *int) int { return *v % 3 }
	for name, c := range map[string]struct {
		operator string
		build    func(j *afflux.Job)
	}{
		"map": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).Map("bad", func(v *int) int { bad(v); return 1 }).To("out", ok())
		}},
		"update": {"bad", func(j *afflux.Job) { afflux.From(j, "s", numbers{200}).Update("bad", bad).To("out", ok()) }},
		"filter": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).Filter("bad", func(v *int) bool { bad(v); return true }).To("out", ok())
		}},
		"flat map": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).FlatMap("bad", func(v *int, emit func(int)) error { bad(v); emit(1); return nil }).To("out", ok())
		}},
		"split": {"bad", func(j *afflux.Job) {
			parts := afflux.From(j, "s", numbers{200}).Split("bad", 2, func(v *int) int { bad(v); return 0 })
			parts[0].To("out", ok())
			parts[1].To("out2", ok())
		}},
		"split out of range": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).Split("bad", 1, func(v *int) int { return *v / 77 })[0].To("out", ok())
		}},
		"async": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).MapAsync("bad", func(_ context.Context, v *int) (int, error) { bad(v); return 1, nil }).To("out", ok())
		}},
		"partitioner": {"s", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).PartitionBy(func(v *int, _ int) int { bad(v); return 0 }).To("out", ok(), afflux.Parallelism(3))
		}},
		"partitioner out of range": {"s", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).PartitionBy(func(v *int, n int) int { return n }).To("out", ok(), afflux.Parallelism(3))
		}},
		"key": {"s", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).KeyBy("k", func(v *int) int { bad(v); return 0 }).Reduce("r", func(*int, *int) {}).To("out", ok())
		}},
		"reduce": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).KeyBy("k", key).Reduce("bad", func(_, v *int) { bad(v) }).To("out", ok())
		}},
		"aggregate": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).KeyBy("k", key).Aggregate("bad", badSum()).Map("v", func(v *afflux.KV[int, int]) int { return 0 }).To("out", ok())
		}},
		"window aggregate": {"bad", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).EventTime(times, afflux.InOrder()).KeyBy("k", key).Window(window.Tumbling(10)).
				Aggregate("bad", badSum()).Map("v", func(*window.Result[int, int]) int { return 0 }).To("out", ok())
		}},
		"window result": {"bad", func(j *afflux.Job) {
			a := afflux.Count[int]()
			a.Result = func(*int64) int64 { panic("oops") }
			afflux.From(j, "s", numbers{200}).EventTime(times, afflux.InOrder()).KeyBy("k", key).Window(window.Tumbling(10)).
				Aggregate("bad", a).Map("v", func(*window.Result[int, int64]) int { return 0 }).To("out", ok())
		}},
		"event time": {"s", func(j *afflux.Job) {
			afflux.From(j, "s", numbers{200}).EventTime(func(v *int) event.Time { bad(v); return 0 }, afflux.InOrder()).To("out", ok())
		}},
	} {
		for _, p := range []int{1, 2} {
			t.Run(fmt.Sprint(name, " ", p), func(t *testing.T) {
				defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
				j := afflux.NewJob("t", afflux.Parallelism(p))
				c.build(j)
				err := run(t, j)
				if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("operator %q: ", c.operator)) ||
					!strings.Contains(name, "range") && !strings.Contains(err.Error(), "oops") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func TestPanicsOfConnectorsBecomeErrors(t *testing.T) {
	try := func(where, operator string, build func(j *afflux.Job)) {
		t.Run(operator+" "+where, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			j := afflux.NewJob("t", afflux.Parallelism(2))
			build(j)
			err := run(t, j)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("operator %q: ", operator)) || !strings.Contains(err.Error(), "oops in "+where) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, where := range []string{"Open", "Poll", "Commit", "Close"} {
		try(where, "in", func(j *afflux.Job) {
			afflux.From(j, "in", faultySource{faulty{where}}).Map("m", func(v *int) int { return *v }).To("out", new(collector[int]))
		})
	}
	for _, where := range []string{"Open", "Write", "Flush", "Close"} {
		try(where, "out", func(j *afflux.Job) {
			afflux.From(j, "in", numbers{100}).Map("m", func(v *int) int { return *v }).To("out", faultySink{faulty{where}})
		})
	}
}

// TestOnlyTheGuiltyRecordIsSkipped has a panic on one record of a batch: the
// others must count once.
func TestOnlyTheGuiltyRecordIsSkipped(t *testing.T) {
	skip := afflux.OnError(afflux.Skip)
	j := afflux.NewJob("t", afflux.Parallelism(1))
	var sums, rolling, minima collector[int]
	s := afflux.From(j, "s", numbers{200}).EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder())
	k := s.KeyBy("k", func(v *int) int { return *v % 2 })
	k.Window(window.Tumbling(1000)).Aggregate("sum", badSum(), skip).Map("v", func(r *window.Result[int, int]) int { return r.Value }).To("sums", &sums)
	k.Aggregate("rolling", badSum(), skip).Map("w", func(r *afflux.KV[int, int]) int { return r.Value }).To("rolling-out", &rolling)
	s.TryUpdate("positive", func(v *int) error {
		bad(v)
		if *v < 100 {
			return fmt.Errorf("%d is too small", *v)
		}
		return nil
	}, skip).To("minima", &minima)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	even, odd := 0, 0
	for v := range 200 {
		switch {
		case v == 77:
		case v%2 == 0:
			even += v
		default:
			odd += v
		}
	}
	slices.Sort(sums.got)
	if want := []int{even, odd}; !slices.Equal(sums.got, want) {
		t.Errorf("the windows have %v, want %v", sums.got, want)
	}
	if len(rolling.got) != 199 || slices.Max(rolling.got) != odd {
		t.Errorf("%d rolling results up to %d, want 199 up to %d", len(rolling.got), slices.Max(rolling.got), odd)
	}
	if len(minima.got) != 100 || slices.Min(minima.got) != 100 {
		t.Errorf("%d of 100 records passed", len(minima.got))
	}
}

// TestPanicBelowAFlatMapIsNotItsOwn has a sink that panics below a flat map
// that skips what its function refuses.
func TestPanicBelowAFlatMapIsNotItsOwn(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(1))
	afflux.From(j, "s", numbers{10}).
		FlatMap("many", func(v *int, emit func(int)) error {
			for range 10_000 {
				emit(*v)
			}
			return nil
		}, afflux.OnError(afflux.Skip)).
		To("out", faultySink{faulty{"Write"}})
	if err := run(t, j); err == nil || !strings.HasPrefix(err.Error(), `operator "out": panic: oops in Write`) {
		t.Errorf("got %v", err)
	}
}
