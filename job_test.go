package afflux_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// numbers is a source of the integers from 0 to n-1, dealt out to its subtasks.
type numbers struct{ n int }

func (s numbers) Describe() connector.Description {
	return connector.Description{Kind: "numbers", Bounded: true}
}

func (s numbers) Open(_ context.Context, sub connector.Subtask) (connector.Reader[int], error) {
	return &numbersReader{next: sub.Index, step: sub.Parallelism, n: s.n, split: sub.Index}, nil
}

type numbersReader struct{ next, step, n, split int }

func (r *numbersReader) Poll(dst *event.Records[int], limit connector.Limit) (connector.Status, error) {
	for range limit.Records {
		if r.next >= r.n {
			return connector.Status{State: connector.Done, Split: r.split}, nil
		}
		dst.Append(r.next, event.Time(r.next))
		r.next += r.step
	}
	return connector.Status{Split: r.split}, nil
}
func (r *numbersReader) Close() error { return nil }

// collector is a sink that keeps records in memory.
type collector[T any] struct {
	mu   sync.Mutex
	got  []T
	slow func()
}

func (c *collector[T]) Describe() connector.Description {
	return connector.Description{Kind: "memory"}
}
func (c *collector[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return c, nil
}
func (c *collector[T]) Write(b *event.Records[T], from int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slow != nil {
		c.slow()
	}
	c.got = append(c.got, b.Values[from:]...)
	return len(b.Values) - from, nil
}
func (c *collector[T]) Flush(context.Context) error { return nil }
func (c *collector[T]) Close() error                { return nil }

func run(t *testing.T, j *afflux.Job) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return j.Run(ctx)
}

func TestMapFilterFlatMap(t *testing.T) {
	for _, p := range parallelisms {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			j := afflux.NewJob("t", afflux.Parallelism(p))
			var out collector[string]
			afflux.From(j, "numbers", numbers{10_000}).
				Map("triple", func(v *int) int { return *v * 3 }).
				Update("next", func(v *int) { *v++ }).
				Filter("even", func(v *int) bool { return *v%2 == 0 }).
				FlatMap("twice", func(v *int, emit func(string)) error {
					emit(fmt.Sprint(*v))
					emit(fmt.Sprint(-*v))
					return nil
				}).
				To("out", &out)
			if err := run(t, j); err != nil {
				t.Fatal(err)
			}
			var want []string
			for i := range 10_000 {
				if v := i*3 + 1; v%2 == 0 {
					want = append(want, fmt.Sprint(v), fmt.Sprint(-v))
				}
			}
			slices.Sort(want)
			slices.Sort(out.got)
			if !slices.Equal(out.got, want) {
				t.Fatalf("got %d records, want %d", len(out.got), len(want))
			}
		})
	}
}

func TestKeyedWindowCount(t *testing.T) {
	const n, keys, size = 100_000, 97, 1000
	for _, p := range parallelisms {
		for _, sliding := range []int{1, 4} {
			t.Run(fmt.Sprint(p, sliding), func(t *testing.T) {
				j := afflux.NewJob("t", afflux.Parallelism(p))
				var out collector[window.Result[int, int64]]
				afflux.From(j, "numbers", numbers{n}).
					EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder()).
					KeyBy("mod", func(v *int) int { return *v % keys }).
					Window(window.Sliding(size*time.Duration(sliding), size)).
					Aggregate("count", afflux.Count[int]()).
					To("out", &out)
				if err := run(t, j); err != nil {
					t.Fatal(err)
				}
				type cell struct {
					key   int
					start event.Time
				}
				want := map[cell]int64{}
				for v := range n {
					last := v / size
					for k := range sliding {
						want[cell{v % keys, event.Time((last - k) * size)}]++
					}
				}
				got := map[cell]int64{}
				for _, r := range out.got {
					c := cell{r.Key, r.Start}
					if got[c] != 0 {
						t.Fatalf("%v was emitted twice", c)
					}
					got[c] = r.Value
				}
				if len(got) != len(want) {
					t.Fatalf("got %d results, want %d", len(got), len(want))
				}
				for c, v := range want {
					if got[c] != v {
						t.Fatalf("%v: got %d, want %d", c, got[c], v)
					}
				}
			})
		}
	}
}

func TestRollingReduceKeepsOrderPerKey(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(3))
	var out collector[afflux.KV[int, int]]
	afflux.From(j, "numbers", numbers{5000}, afflux.Parallelism(1)).
		KeyBy("mod", func(v *int) int { return *v % 10 }).
		Aggregate("sum", afflux.Sum(func(v *int) int { return *v })).
		To("out", &out)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	sums, last := map[int]int{}, map[int]int{}
	for v := range 5000 {
		sums[v%10] += v
	}
	for _, r := range out.got {
		if r.Value < last[r.Key] {
			t.Fatalf("key %d went back from %d to %d", r.Key, last[r.Key], r.Value)
		}
		last[r.Key] = r.Value
	}
	if len(out.got) != 5000 || fmt.Sprint(last) != fmt.Sprint(sums) {
		t.Fatalf("got %d records ending in %v, want %v", len(out.got), last, sums)
	}
}

func TestUnionSplitBroadcastPartition(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	var all, odd, copies, mine collector[int]
	s := afflux.From(j, "a", numbers{1000}).Union("both", afflux.From(j, "b", numbers{500}))
	parts := s.Split("parity", 2, func(v *int) int { return *v % 2 })
	parts[0].To("even", &all)
	parts[1].To("odd", &odd)
	s.Broadcast().Map("copy", func(v *int) int { return *v }, afflux.Parallelism(3)).To("copies", &copies)
	s.PartitionBy(func(v *int, n int) int { return *v % n }).Filter("mine", func(v *int) bool { return *v < 100 }, afflux.Parallelism(4)).To("mine-out", &mine)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	if len(all.got) != 750 || len(odd.got) != 750 || len(copies.got) != 4500 || len(mine.got) != 200 {
		t.Fatalf("even %d, odd %d, copies %d, mine %d", len(all.got), len(odd.got), len(copies.got), len(mine.got))
	}
}

func TestMapAsync(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		j := afflux.NewJob("t", afflux.Parallelism(2))
		var out collector[int]
		options := []afflux.AsyncOption{afflux.InFlight(7), afflux.Retry(3), afflux.OnError(afflux.Skip)}
		if unordered {
			options = append(options, afflux.Unordered())
		}
		var tries sync.Map
		afflux.From(j, "numbers", numbers{1000}).
			MapAsync("call", func(_ context.Context, v *int) (int, error) {
				n, _ := tries.LoadOrStore(*v, new(int))
				*n.(*int)++
				switch {
				case *v%100 == 7:
					return 0, errors.New("never")
				case *v%100 == 9 && *n.(*int) == 1:
					return 0, errors.New("once")
				case *v%100 == 11:
					panic("oops")
				}
				return *v * 2, nil
			}, append(options, afflux.RetryBackoff(3, time.Millisecond, time.Millisecond))...).
			To("out", &out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out.got)
		if len(out.got) != 980 || slices.Contains(out.got, 14) || !slices.Contains(out.got, 18) {
			t.Fatalf("unordered %v: got %d records", unordered, len(out.got))
		}
	}
}

func TestErrorsNameTheOperator(t *testing.T) {
	j := afflux.NewJob("t")
	var out collector[int]
	afflux.From(j, "numbers", numbers{1000}).
		Map("half", func(v *int) int { return 10 / (*v - 500) }).
		To("out", &out)
	err := run(t, j)
	if err == nil || !strings.Contains(err.Error(), `operator "half"`) || !strings.Contains(err.Error(), "divide by zero") || !strings.Contains(err.Error(), "job_test.go") {
		t.Fatalf("got %v", err)
	}
}

func TestDeadLetters(t *testing.T) {
	j := afflux.NewJob("t", afflux.Parallelism(2))
	var out collector[int]
	var dead collector[event.DeadLetter]
	j.DeadLetters("dlq", &dead)
	afflux.From(j, "numbers", numbers{1000}).
		TryMap("check", func(v *int) (int, error) {
			if *v%10 == 3 {
				return 0, errors.New("ends in 3")
			}
			return *v, nil
		}, afflux.OnError(afflux.DeadLetter)).
		To("out", &out)
	if err := run(t, j); err != nil {
		t.Fatal(err)
	}
	if len(out.got) != 900 || len(dead.got) != 100 {
		t.Fatalf("delivered %d, dead letters %d", len(out.got), len(dead.got))
	}
	if d := dead.got[0]; d.Operator != "check" || d.Reason != "ends in 3" || !strings.HasSuffix(d.Record, "3") {
		t.Fatalf("got %+v", d)
	}
}

func TestMistakesAreReportedAtStart(t *testing.T) {
	var out collector[int]
	for want, build := range map[string]func(j *afflux.Job){
		"names must be unique": func(j *afflux.Job) {
			afflux.From(j, "a", numbers{1}).Map("a", func(v *int) int { return *v }).To("out", &out)
		},
		"nothing reads": func(j *afflux.Job) { afflux.From(j, "a", numbers{1}) },
		"no event times": func(j *afflux.Job) {
			var r collector[window.Result[int, int64]]
			afflux.From(j, "a", numbers{1}).KeyBy("k", func(v *int) int { return *v }).
				Window(window.Tumbling(time.Second)).Aggregate("w", afflux.Count[int]()).To("out", &r)
		},
		"has none: call DeadLetters": func(j *afflux.Job) {
			afflux.From(j, "a", numbers{1}).Filter("f", func(*int) bool { return true }, afflux.OnError(afflux.DeadLetter)).To("out", &out)
		},
		"no source": func(*afflux.Job) {},
	} {
		j := afflux.NewJob("t")
		build(j)
		if err := run(t, j); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}
