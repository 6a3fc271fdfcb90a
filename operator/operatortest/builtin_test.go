package operatortest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/guard"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// count is the number of input records.
const count = 300

// integers are records whose times are out of order by up to 7.
func integers() []Row[int] {
	var in []Row[int]
	for i := range count {
		in = append(in, Row[int]{i, event.Time(i*3 + (i*5)%8)})
	}
	return in
}

// each applies f to every record.
func each[U comparable](f func(int) []U) [][]Row[U] {
	var out []Row[U]
	for _, r := range integers() {
		for _, u := range f(r.Value) {
			out = append(out, Row[U]{u, r.Time})
		}
	}
	return [][]Row[U]{out}
}

func bad(v int) bool { return v%17 == 3 }

func boom(v int) {
	if bad(v) {
		panic("boom")
	}
}

// refused is how many of the integers are bad.
func refused() (n int) {
	for v := range count {
		if bad(v) {
			n++
		}
	}
	return n
}

// good applies f to the integers that are not bad.
func good[U comparable](f func(int) []U) [][]Row[U] {
	return each(func(v int) []U {
		if bad(v) {
			return nil
		}
		return f(v)
	})
}

func text(v int) []string { return []string{fmt.Sprint(v)} }
func same(v int) []int    { return []int{v} }

func TestStateless(t *testing.T) {
	in := integers()
	t.Run("map", func(t *testing.T) {
		Test(t, Harness[int, string]{Input: in, Ordered: true, Want: each(text), New: func() operator.Operator {
			return transform.NewMap(func(v *int) string { return fmt.Sprint(*v) })
		}})
	})
	t.Run("map of one type", func(t *testing.T) {
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: each(func(v int) []int { return []int{v * 2} }), New: func() operator.Operator {
			return transform.NewMap(func(v *int) int { return *v * 2 })
		}})
	})
	t.Run("map with panics", func(t *testing.T) {
		Test(t, Harness[int, string]{Input: in, Ordered: true, Want: good(text), Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
			return transform.NewMap(func(v *int) string { boom(*v); return fmt.Sprint(*v) })
		}})
	})
	t.Run("map with errors", func(t *testing.T) {
		Test(t, Harness[int, string]{Input: in, Ordered: true, Want: good(text), Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
			return transform.NewTryMap(func(v *int) (string, error) {
				if bad(*v) {
					return "", errors.New("bad")
				}
				return fmt.Sprint(*v), nil
			})
		}})
	})
	t.Run("update", func(t *testing.T) {
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: good(same), Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
			return transform.NewUpdate(func(v *int) { boom(*v) })
		}})
	})
	t.Run("filter", func(t *testing.T) {
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: good(same), New: func() operator.Operator {
			return transform.NewFilter(func(v *int) bool { return !bad(*v) })
		}})
	})
	t.Run("filter with panics", func(t *testing.T) {
		want := good(func(v int) []int {
			if v%3 == 0 {
				return nil
			}
			return []int{v}
		})
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: want, Policy: operator.DeadLetter, Refused: refused(), New: func() operator.Operator {
			return transform.NewFilter(func(v *int) bool { boom(*v); return *v%3 != 0 })
		}})
	})
	t.Run("flat map", func(t *testing.T) {
		want := each(func(v int) (out []string) {
			for i := range v % 30 {
				out = append(out, fmt.Sprint(v, i))
			}
			return out
		})
		Test(t, Harness[int, string]{Input: in, Ordered: true, Want: want, Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
			return transform.NewFlatMap(func(v *int, emit func(string)) error {
				for i := range *v % 30 {
					emit(fmt.Sprint(*v, i))
				}
				boom(*v) // what was emitted stays
				return nil
			})
		}})
	})
	t.Run("pass", func(t *testing.T) {
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: each(same), New: transform.NewPass})
	})
	t.Run("split", func(t *testing.T) {
		want := make([][]Row[int], 3)
		for _, r := range in {
			want[r.Value%3] = append(want[r.Value%3], r)
		}
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: want, New: func() operator.Operator {
			return transform.NewSplit(3, func(v *int) int { return *v % 3 })
		}})
	})
	t.Run("event times", func(t *testing.T) {
		want := each(same)
		for i := range want[0] {
			want[0][i].Time = event.Time(want[0][i].Value * 10)
		}
		Test(t, Harness[int, int]{Input: in, Ordered: true, Want: want, OwnWatermarks: true, New: func() operator.Operator {
			return transform.NewAssignTimes(func(b event.Batch) {
				r := b.(*event.Records[int])
				for i, v := range r.Values {
					r.Times[i] = event.Time(v * 10)
				}
			}, time.Duration(25))
		}})
	})
}

func TestAsync(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		for _, flying := range []int{1, 3, 50} {
			t.Run(fmt.Sprint(unordered, flying), func(t *testing.T) {
				cfg := transform.AsyncConfig{InFlight: flying, Unordered: unordered, Policy: guard.Policy{}}
				Test(t, Harness[int, string]{Input: integers(), Ordered: !unordered, Want: good(text), Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
					return transform.NewAsync(cfg, func(_ context.Context, v *int) (string, error) { boom(*v); return fmt.Sprint(*v), nil })
				}})
			})
		}
	}
}

func key(v *int) int { return *v % 5 }

func hash(v *int) uint64 { return event.HashUint64(uint64(key(v))) }

func TestRolling(t *testing.T) {
	sums := map[int]int{}
	want := good(func(v int) []string {
		k := key(&v)
		sums[k] += v
		return []string{fmt.Sprint(k, sums[k])}
	})
	Test(t, Harness[int, string]{Input: integers(), Ordered: true, Want: want, Hash: hash, Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
		return transform.NewRolling(key, func(a, v *int) { boom(*v); *a += *v }, func(k int, a *int) string { return fmt.Sprint(k, *a) },
			transform.InTables(memory.NewTables[int, int]))
	}})
}

func TestWindow(t *testing.T) {
	for _, a := range []window.Assigner{window.Tumbling(20), window.Sliding(30, 10), window.Sliding(25, 10)} {
		for _, bulk := range []bool{false, true} {
			t.Run(fmt.Sprint(a, bulk), func(t *testing.T) {
				fold := transform.Fold[int, int]{
					Add:   func(s, v *int) { boom(*v); *s += *v + 1 },
					Merge: func(into, from *int) { *into += *from },
				}
				if bulk {
					fold.AddAll = func(s []*int, values []int) {
						for _, v := range values {
							boom(v)
						}
						for i, v := range values {
							*s[i] += v + 1
						}
					}
				}
				Test(t, Harness[int, string]{Input: integers(), Want: windows(a), Hash: hash, Policy: operator.Skip, Refused: refused(), New: func() operator.Operator {
					return transform.NewWindow(a, key, fold, transform.EachResult(func(k int, w window.Window, s *int) string { return fmt.Sprint(k, w, *s) }),
						transform.InTables(memory.NewTables[int, int]))
				}})
			})
		}
	}
}

// windows sums up the integers in every window that they are in.
func windows(a window.Assigner) [][]Row[string] {
	type cell struct {
		key int
		w   window.Window
	}
	// A refused record leaves the accumulator of its key behind, at zero.
	sums := map[cell]int{}
	size, slide := int64(a.Size()), int64(a.Slide())
	for _, r := range integers() {
		t := int64(r.Time)
		for start := t - t%slide; start > t-size; start -= slide {
			c := cell{key(&r.Value), window.Window{Start: event.Time(start), End: event.Time(start + size)}}
			sums[c] += 0
			if !bad(r.Value) {
				sums[c] += r.Value + 1
			}
		}
	}
	var out []Row[string]
	for c, s := range sums {
		out = append(out, Row[string]{fmt.Sprint(c.key, c.w, s), c.w.End - 1})
	}
	return [][]Row[string]{out}
}
