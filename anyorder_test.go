package afflux_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// TestOrderIsKept has every keyed operator behind records that are dealt out in
// turn: those that need the order of a key are rejected with the reason, unless
// the user says that any will do.
func TestOrderIsKept(t *testing.T) {
	yes := func(*int) bool { return true }
	for name, c := range map[string]struct {
		needs string // a part of the reason; empty: it needs no order
		build func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int]
	}{
		"reduce": {"has a result for each record", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Reduce("op", func(acc, v *int) { *acc += *v }, o...)
		}},
		"aggregate": {"has a result for each record", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Aggregate("op", afflux.Count[int](), o...).Map("value", func(v *afflux.KV[int, int64]) int { return int(v.Value) })
		}},
		"process": {"handles the records of a key one after the other", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Process("op", func() *echo { return &echo{} }, o...)
		}},
		"deduplicate": {"passes on the first record of a key to come", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Deduplicate("op", 0, o...)
		}},
		"first": {"lowest event time, the first to come", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.First("op", o...)
		}},
		"last": {"drops records that come after later ones", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Last("op", o...)
		}},
		"followed by": {"with one event time, the first to come", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.FollowedBy("op", yes, yes, time.Hour, func(a, b *int) int { return *a }, o...)
		}},
		"not followed by": {"", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.NotFollowedBy("op", yes, yes, time.Hour, o...)
		}},
		"windows of counts": {"divides the records of a key by how many came before", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Window(window.Count(10)).Reduce("op", func(acc, v *int) { *acc += *v }, o...).Stream
		}},
		"windows": {"", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Window(window.Tumbling(time.Hour)).Reduce("op", func(acc, v *int) { *acc += *v }, o...).Stream
		}},
		"all of a window": {"", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Window(window.Session(time.Hour)).Apply("op", func(*window.Result[int, []int], func(int)) error { return nil }, o...).Stream
		}},
		"a join of windows": {"", func(k *afflux.Keyed[int, int], o ...afflux.Option) *afflux.Stream[int] {
			return k.Join(k).Window(window.Tumbling(time.Hour)).Inner("op", func(a, b *int) int { return *a }, o...).Stream
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, dealtOut := range map[string]func(s *afflux.Stream[int]) *afflux.Stream[int]{
				"Rebalance deals out": func(s *afflux.Stream[int]) *afflux.Stream[int] {
					return s.Rebalance().Filter("odd", yes, afflux.Parallelism(2))
				},
				`"numbers" has 1 subtask and "odd" has 2`: func(s *afflux.Stream[int]) *afflux.Stream[int] {
					return s.Filter("odd", yes, afflux.Parallelism(2))
				},
				`"odd" has Unordered()`: func(s *afflux.Stream[int]) *afflux.Stream[int] {
					return s.MapAsync("odd", func(_ context.Context, v *int) (int, error) { return *v, nil }, afflux.Unordered())
				},
			} {
				try := func(o ...afflux.Option) error {
					j := afflux.NewJob("t", afflux.Parallelism(2))
					s := afflux.From(j, "numbers", numbers{20}, afflux.Parallelism(1)).
						EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder())
					c.build(dealtOut(s).KeyBy("key", func(v *int) int { return *v % 3 }), o...).To("out", new(collector[int]))
					return run(t, j)
				}
				err := try()
				switch {
				case c.needs == "":
					if err != nil {
						t.Error(err)
					}
				case err == nil || !strings.Contains(err.Error(), `"op" `) || !strings.Contains(err.Error(), c.needs) || !strings.Contains(err.Error(), how):
					t.Errorf("got %v, want %q because of %q", err, how, c.needs)
				}
				if err := try(afflux.AnyOrder()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// echo passes records on.
type echo struct{}

func (*echo) Open(*afflux.OpenContext) error { return nil }
func (*echo) Process(ctx *afflux.ProcessContext[int, int], v *int) error {
	ctx.Emit(*v)
	return nil
}
