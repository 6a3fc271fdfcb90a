package window

import (
	"iter"
	"math"

	"github.com/affluxdev/afflux/event"
)

// Due goes over the windows that a watermark completes, in order: those after
// window fired (math.MinInt64 when none has fired) that have at least one of
// the given panes, which are in ascending order. Each comes with the part
// panes[from:to] that it is made of. Stretches of time without panes cost
// nothing.
func (a Assigner) Due(panes []int64, fired int64, watermark event.Time) iter.Seq2[int64, []int64] {
	return func(yield func(int64, []int64) bool) {
		last := a.Complete(watermark)
		if last == math.MinInt64 || fired == math.MaxInt64 {
			return
		}
		next := int64(math.MinInt64)
		if fired != math.MinInt64 {
			next = fired + 1
		}
		for from := 0; from < len(panes); {
			first, end := a.WindowsOf(panes[from])
			if next > end { // the first pane is in no later window
				from++
				continue
			}
			next = max(next, first)
			if next > last {
				return
			}
			_, stop := a.PanesOf(next)
			to := from
			for to < len(panes) && panes[to] < stop {
				to++
			}
			if !yield(next, panes[from:to]) {
				return
			}
			next++
		}
	}
}
