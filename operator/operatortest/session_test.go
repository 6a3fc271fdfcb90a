package operatortest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

func TestSessions(t *testing.T) {
	testSessions(t, transform.InTables(memory.NewTables[int, transform.Activity[int]]))
}

// testSessions has sessions that last for a few records of their key, of which
// a key has several at a time.
func testSessions(t *testing.T, table transform.Tables[int, transform.Activity[int]]) {
	const gap = 17
	in := slices.DeleteFunc(integers(), func(r Row[int]) bool { return r.Value/5%4 == 3 })
	type open struct {
		first, last event.Time
		sum         int
	}
	var want []Row[string]
	add := func(k int, s *open) {
		w := window.Window{Start: s.first, End: s.last + gap}
		want = append(want, Row[string]{fmt.Sprint(k, w, s.sum), w.End - 1})
	}
	sessions := map[int]*open{}
	for _, r := range sortedByTime(in) {
		k := key(&r.Value)
		s := sessions[k]
		if s == nil || r.Time-s.last >= gap {
			if s != nil {
				add(k, s)
			}
			s = &open{first: r.Time}
			sessions[k] = s
		}
		s.last, s.sum = r.Time, s.sum+r.Value
	}
	for k, s := range sessions {
		add(k, s)
	}
	if len(want) < 20 || len(want) > 200 {
		t.Fatalf("%d sessions show less than they should", len(want))
	}
	for _, lateness := range []int{0, 100} {
		t.Run(fmt.Sprint("lateness ", lateness), func(t *testing.T) {
			Test(t, Harness[int, string]{Input: in, Want: [][]Row[string]{want}, Hash: hash, New: func() operator.Operator {
				f := window.Firing{}
				if lateness > 0 {
					f.Lateness = 100
				}
				return transform.NewSession(window.Session(gap), f, key,
					transform.Fold[int, int]{Add: func(s, v *int) { *s += *v }, Merge: func(into, from *int) { *into += *from }},
					func(k int, w window.Window, _ window.Timing, s *int, emit func(string)) error {
						emit(fmt.Sprint(k, w, *s))
						return nil
					}, table)
			}})
		})
	}
}

func TestCounts(t *testing.T) {
	const size = 4
	type open struct {
		n, sum int
		last   event.Time
	}
	var want []Row[string]
	runs := map[int]*open{}
	for _, r := range integers() {
		k := key(&r.Value)
		if runs[k] == nil {
			runs[k] = &open{}
		}
		o := runs[k]
		o.n, o.sum, o.last = o.n+1, o.sum+r.Value, max(o.last, r.Time)
		if o.n == size {
			want = append(want, Row[string]{fmt.Sprint(k, " ", o.sum), o.last})
			delete(runs, k)
		}
	}
	if len(runs) > 0 {
		t.Fatal("the last windows are not full")
	}
	Test(t, Harness[int, string]{Input: integers(), Ordered: true, OwnWatermarks: true, Want: [][]Row[string]{want}, Hash: hash, New: func() operator.Operator {
		return transform.NewCount(window.Count(size), key,
			transform.Fold[int, int]{Add: func(s, v *int) { *s += *v }, Merge: func(into, from *int) { *into += *from }},
			func(k int, _ window.Window, _ window.Timing, s *int, emit func(string)) error {
				emit(fmt.Sprint(k, " ", *s))
				return nil
			}, transform.InTables(memory.NewTables[int, transform.Counted[int]]))
	}})
}
