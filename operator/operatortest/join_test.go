package operatortest

import (
	"fmt"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
)

// side divides the integers among two inputs, so that both have all keys.
func side(v *int) int { return *v / 5 % 2 }

// refuses tells whether the join refuses a pair.
func refuses(a, b int) bool { return (a+b)%7 == 3 }

// joined is the result of a pair; -1 is none.
func joined(a, b *int) string {
	x, y := -1, -1
	if a != nil {
		x = *a
	}
	if b != nil {
		y = *b
	}
	if refuses(x, y) {
		panic("refused")
	}
	return fmt.Sprint(x, " ", y)
}

// pairs is the model of all joins: of each left record the right ones that meet
// it. alone is when it is certain that a record has met none.
func pairs(meets func(a, b Row[int]) bool, at func(a, b Row[int]) event.Time, keepLeft, keepRight bool, aloneLeft, aloneRight func(event.Time) event.Time) (out []Row[string], refused int) {
	add := func(a, b int, at event.Time) {
		if refuses(a, b) {
			refused++
			return
		}
		out = append(out, Row[string]{fmt.Sprint(a, " ", b), at})
	}
	met := map[int]bool{}
	for _, a := range integers() {
		for _, b := range integers() {
			if side(&a.Value) == 0 && side(&b.Value) == 1 && key(&a.Value) == key(&b.Value) && meets(a, b) {
				add(a.Value, b.Value, at(a, b))
				met[a.Value], met[b.Value] = true, true
			}
		}
	}
	for _, r := range integers() {
		switch {
		case met[r.Value]:
		case side(&r.Value) == 0 && keepLeft:
			add(r.Value, -1, aloneLeft(r.Time))
		case side(&r.Value) == 1 && keepRight:
			add(-1, r.Value, aloneRight(r.Time))
		}
	}
	return out, refused
}

func TestIntervalJoin(t *testing.T) {
	for _, c := range []struct{ lower, upper event.Time }{{0, 20}, {-30, -3}, {-10, 10}, {16, 16}, {40, 90}, {-1 << 62, 1 << 62}} {
		for _, keep := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			t.Run(fmt.Sprint(c, keep), func(t *testing.T) {
				want, refused := pairs(
					func(a, b Row[int]) bool { return a.Time+c.lower <= b.Time && b.Time <= a.Time+c.upper },
					func(a, b Row[int]) event.Time { return max(a.Time, b.Time) },
					keep[0], keep[1],
					func(t event.Time) event.Time { return max(t, t+c.upper) },
					func(t event.Time) event.Time { return max(t, t-c.lower) },
				)
				if len(want) == 0 {
					t.Fatal("the model has no results")
				}
				Test(t, Harness[int, string]{Input: integers(), Port: side, Want: [][]Row[string]{want}, Hash: hash, Policy: operator.Skip, Refused: refused, New: func() operator.Operator {
					return transform.NewInterval(key, key, transform.Interval[int, int, string]{
						Lower: time.Duration(c.lower), Upper: time.Duration(c.upper), KeepLeft: keep[0], KeepRight: keep[1], Join: joined,
					}, transform.InMemory(memory.NewBackend[int]))
				}})
			})
		}
	}
}

func TestTemporalJoin(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			valid := func(a, b Row[int]) bool {
				if b.Time > a.Time {
					return false
				}
				for _, o := range integers() {
					if side(&o.Value) == 1 && key(&o.Value) == key(&b.Value) && o.Time > b.Time && o.Time <= a.Time {
						return false
					}
				}
				return true
			}
			own := func(a, _ Row[int]) event.Time { return a.Time }
			want, refused := pairs(valid, own, keep, false, func(t event.Time) event.Time { return t }, nil)
			Test(t, Harness[int, string]{Input: integers(), Port: side, Want: [][]Row[string]{want}, Hash: hash, Policy: operator.Skip, Refused: refused, New: func() operator.Operator {
				return transform.NewTemporal(key, key, keep, joined, transform.InMemory(memory.NewBackend[int]))
			}})
		})
	}
}
