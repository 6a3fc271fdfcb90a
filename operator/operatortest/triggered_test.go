package operatortest

import (
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/window"
)

// Windows that are kept for late records have the same results when there are
// none, whether they share panes or, to be counted, are kept each by itself.
func TestTriggered(t *testing.T) {
	for _, a := range []window.Assigner{window.Tumbling(20), window.Sliding(30, 10), window.Sliding(25, 10)} {
		for _, f := range []window.Firing{{}, {Lateness: 50}, {Lateness: 50, EarlyCount: count}} {
			t.Run(fmt.Sprint(a, f), func(t *testing.T) {
				fold := transform.Fold[int, int]{
					Add:   func(s, v *int) { boom(*v); *s += *v + 1 },
					Merge: func(into, from *int) { *into += *from },
				}
				Test(t, Harness[int, string]{Input: integers(), Want: windows(a), Hash: hash, Policy: operator.Skip, Refused: refusals(a, f), New: func() operator.Operator {
					return transform.NewTriggered(a, f, key, fold, func(k int, w window.Window, _ window.Timing, s *int, emit func(string)) error {
						emit(fmt.Sprint(k, w, *s))
						return nil
					}, transform.InTables(memory.NewTables[int, transform.Cell[int]]))
				}})
			})
		}
	}
}

// refusals is how often records are refused: once for each part that they would
// be folded into.
func refusals(a window.Assigner, f window.Firing) (n int) {
	if f.EarlyCount == 0 || !a.Overlaps() {
		return refused()
	}
	for _, r := range integers() {
		if bad(r.Value) {
			first, last := a.WindowsOf(a.Pane(r.Time))
			n += int(last - first + 1)
		}
	}
	return n
}
