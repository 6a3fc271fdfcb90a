package afflux_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/pebble"
	"pgregory.net/rapid"
)

// match is the result of a join of pings: the numbers of both, -1 for none.
type match struct{ Left, Right int }

func matchOf(a, b *ping) match {
	m := match{-1, -1}
	if a != nil {
		m.Left = a.N
	}
	if b != nil {
		m.Right = b.N
	}
	if a != nil && b != nil && a.User != b.User {
		panic("keys differ")
	}
	return m
}

// drawPings are out of order by up to outOfOrder.
func drawPings(t *rapid.T, label string) []ping {
	n := rapid.IntRange(0, 120).Draw(t, label)
	return pings(rapid.Uint64().Draw(t, label+" seed"), n, rapid.IntRange(1, 4).Draw(t, "users"))
}

// kept says which records a join keeps that meet none.
type kept struct{ left, right bool }

// intervals is the model of an interval join: two loops.
func intervals(left, right []ping, lower, upper time.Duration, k kept) (out []match) {
	met := map[int]bool{}
	for i := range left {
		a, n := &left[i], 0
		for j := range right {
			if b := &right[j]; a.User == b.User && a.At.Add(lower) <= b.At && b.At <= a.At.Add(upper) {
				out = append(out, match{a.N, b.N})
				met[b.N] = true
				n++
			}
		}
		if n == 0 && k.left {
			out = append(out, match{a.N, -1})
		}
	}
	for _, b := range right {
		if !met[b.N] && k.right {
			out = append(out, match{-1, b.N})
		}
	}
	return out
}

// joinPings runs a join of two lists and returns its results and what was
// late.
func joinPings(t testing.TB, left, right []ping, bound time.Duration, join func(*afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match], options ...afflux.JobOption) (got []match, lateLeft, lateRight []ping) {
	j := afflux.NewJob("t", options...)
	keyed := func(name string, list []ping) *afflux.Keyed[int, ping] {
		return afflux.From(j, name, memory.Source(list)).
			EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(bound)).
			KeyBy(name, func(v *ping) int { return v.User })
	}
	out, late1, late2 := memory.Sink[match](), memory.Sink[ping](), memory.Sink[ping]()
	p := join(keyed("left", left).Join(keyed("right", right)))
	p.To("out", out)
	p.LateLeft().To("late left", late1)
	p.LateRight().To("late right", late2)
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Values(), late1.Values(), late2.Values()
}

// without removes the late records from a list.
func without(list, late []ping) []ping {
	gone := map[int]bool{}
	for _, v := range late {
		gone[v.N] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(v ping) bool { return gone[v.N] })
}

func sortMatches(list []match) []match {
	slices.SortFunc(list, func(a, b match) int { return cmp.Or(a.Left-b.Left, a.Right-b.Right) })
	return list
}

// intervalJoins are the four kinds.
var intervalJoins = []struct {
	name string
	kept kept
	join func(*afflux.IntervalJoin[int, ping, ping]) *afflux.Pairs[ping, ping, match]
}{
	{"inner", kept{}, func(i *afflux.IntervalJoin[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return i.Inner("join", matchOf)
	}},
	{"left", kept{left: true}, func(i *afflux.IntervalJoin[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return i.Left("join", matchOf)
	}},
	{"right", kept{right: true}, func(i *afflux.IntervalJoin[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return i.Right("join", matchOf)
	}},
	{"full", kept{true, true}, func(i *afflux.IntervalJoin[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return i.Full("join", matchOf)
	}},
}

// Whatever is late, the others are joined as the model says.
func TestIntervalJoinAgainstModel(t *testing.T) {
	for _, c := range intervalJoins {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				left, right := drawPings(rt, "left"), drawPings(rt, "right")
				lower := time.Duration(rapid.IntRange(-60, 60).Draw(rt, "lower"))
				upper := lower + time.Duration(rapid.IntRange(0, 80).Draw(rt, "width"))
				bound := time.Duration(rapid.SampledFrom([]int{outOfOrder, 10, 0}).Draw(rt, "bound"))
				for _, p := range parallelisms {
					got, lateLeft, lateRight := joinPings(t, left, right, bound, func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
						return c.join(j.Between(lower, upper))
					}, afflux.Parallelism(p), afflux.Buffers(2, 256))
					want := intervals(without(left, lateLeft), without(right, lateRight), lower, upper, c.kept)
					if !slices.Equal(sortMatches(got), sortMatches(want)) {
						rt.Fatalf("parallelism %d, between %d and %d: got %v, want %v; late %v and %v", p, lower, upper, got, want, lateLeft, lateRight)
					}
					if bound == outOfOrder && len(lateLeft)+len(lateRight) > 0 {
						rt.Fatalf("%d and %d records are late", len(lateLeft), len(lateRight))
					}
				}
			})
		})
	}
}

// The same with more records, on disk too.
func TestIntervalJoinLarge(t *testing.T) {
	left, right := pings(1, 4000/part, 30), pings(2, 4000/part, 30)
	for _, c := range intervalJoins {
		want := intervals(left, right, -40, 100, c.kept)
		atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
			got, lateLeft, lateRight := joinPings(t, left, right, outOfOrder, func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
				return c.join(j.Between(-40, 100))
			}, options...)
			if len(lateLeft)+len(lateRight) > 0 {
				t.Errorf("%d and %d records are late", len(lateLeft), len(lateRight))
			}
			equalSets(t, c.name, got, want)
		})
	}
}

// A pair that the function refuses does not keep the others back, and its
// records have met.
func TestIntervalJoinRefusals(t *testing.T) {
	left, right := pings(5, 500, 5), pings(6, 500, 5)
	refused := func(a, b int) bool { return (a+b)%3 == 0 || a < 0 && b%5 == 0 || b < 0 && a%5 == 0 }
	want := slices.DeleteFunc(intervals(left, right, 0, 20, kept{true, true}), func(m match) bool { return refused(m.Left, m.Right) })
	got, _, _ := joinPings(t, left, right, outOfOrder, func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return j.Between(0, 20).Full("join", func(a, b *ping) match {
			m := matchOf(a, b)
			if refused(m.Left, m.Right) {
				panic("refused")
			}
			return m
		}, afflux.OnError(afflux.Skip))
	}, afflux.Parallelism(2))
	equalSets(t, "pairs", got, want)
}

func TestJoinMistakes(t *testing.T) {
	for want, build := range map[string]func(j *afflux.Job) *afflux.Stream[match]{
		"the lower bound comes first": func(j *afflux.Job) *afflux.Stream[match] {
			k := keyedPings(j, pings(1, 10, 2))
			return k.Join(k).Between(time.Second, 0).Inner("join", matchOf).Stream
		},
		"of another job": func(j *afflux.Job) *afflux.Stream[match] {
			return keyedPings(j, pings(1, 10, 2)).Join(keyedPings(afflux.NewJob("other"), pings(1, 10, 2))).Between(0, 1).Inner("join", matchOf).Stream
		},
		"has no event times": func(j *afflux.Job) *afflux.Stream[match] {
			k := afflux.From(j, "pings", memory.Source(pings(1, 10, 2))).KeyBy("user", func(v *ping) int { return v.User })
			return k.Join(k).AsOf().Inner("join", matchOf).Stream
		},
		"can overtake each other": func(j *afflux.Job) *afflux.Stream[match] {
			shuffled := afflux.From(j, "pings", memory.Source(pings(1, 10, 2))).
				EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(outOfOrder)).
				Rebalance().Filter("all", func(*ping) bool { return true }, afflux.Parallelism(2)).
				KeyBy("user", func(v *ping) int { return v.User })
			return shuffled.Join(shuffled).AsOf().Inner("join", matchOf).Stream
		},
		`the record was {"left":{"User":0`: func(j *afflux.Job) *afflux.Stream[match] {
			k := keyedPings(j, pings(1, 10, 1))
			return k.Join(k).Between(0, 1).Inner("join", func(a, b *ping) match { panic("planted") }).Stream
		},
	} {
		j := afflux.NewJob("t")
		build(j).To("out", &collector[match]{})
		if err := run(t, j); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "the record was") > 1 {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A hot key with many buffered records costs each record its own interval.
func BenchmarkIntervalJoinHotKey(b *testing.B) {
	for _, buffered := range []int{100, 10_000} {
		b.Run(fmt.Sprint(buffered), func(b *testing.B) {
			n := max(b.N, 4*buffered)
			r := rand.New(rand.NewPCG(1, 1))
			list := make([]ping, n)
			for i := range list { // out of order by 100 records
				list[i] = ping{At: event.Time((i + r.IntN(100)) * 1000), N: i}
			}
			hour := time.Duration(buffered) * 1000
			b.ResetTimer()
			j := afflux.NewJob("b", afflux.Parallelism(1))
			left := afflux.From(j, "left", memory.Source(list)).EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(100_000)).KeyBy("k", func(v *ping) int { return 0 })
			right := afflux.From(j, "right", memory.Source(list)).EventTime(func(v *ping) event.Time { return v.At }, afflux.OutOfOrder(100_000)).KeyBy("k", func(v *ping) int { return 0 })
			left.Join(right).Between(hour, hour).Inner("join", matchOf).Filter("none", func(*match) bool { return false }).To("out", memory.Sink[match]())
			if err := j.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(2*n), "ns/record")
		})
	}
}

// counting is a disk that counts what is written to it.
type counting struct {
	state.Disk
	sets *atomic.Int64
}

func (d counting) Open(operator string, subtask int) (state.KV, error) {
	kv, err := d.Disk.Open(operator, subtask)
	return countingKV{kv, d.sets}, err
}

type countingKV struct {
	state.KV
	sets *atomic.Int64
}

func (kv countingKV) Set(key, value []byte) error {
	kv.sets.Add(1)
	return kv.KV.Set(key, value)
}

// What joins keep leaves memory, although they look at each key again later.
func TestJoinsLeaveMemory(t *testing.T) {
	left, right := pings(1, 2000, 500), pings(2, 2000, 500)
	for name, join := range map[string]func(*afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match]{
		"interval": func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
			return j.Between(0, 5000).Full("join", matchOf)
		},
		"temporal": temporalJoins["left"],
	} {
		d, err := pebble.In(t.TempDir(), pebble.MinMemory)
		if err != nil {
			t.Fatal(err)
		}
		var sets atomic.Int64
		joinPings(t, left, right, outOfOrder, join, afflux.Parallelism(2), afflux.StateOnDisk(counting{crowded{d}, &sets}))
		if sets.Load() < 500 {
			t.Errorf("%s: %d keys were written", name, sets.Load())
		}
	}
}
