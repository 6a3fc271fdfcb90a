package transform

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// ahead are parts of time of subtasks whose watermark was ahead, in a snapshot,
// of that of others whose keys are restored together with theirs. For these keys
// windows have fired that have not for the others. So they wait, until the
// windows have fired for all.
type ahead[P any] []cohort[P]

// cohort is parts in ascending order, for which windows up to one have fired.
type cohort[P any] struct {
	fired int64
	parts []P
}

func (a *ahead[P]) add(fired int64, p P) {
	i, found := slices.BinarySearchFunc(*a, fired, func(c cohort[P], n int64) int { return cmp.Compare(c.fired, n) })
	if !found {
		*a = slices.Insert(*a, i, cohort[P]{fired: fired})
	}
	(*a)[i].parts = append((*a)[i].parts, p)
}

// reached goes over the cohorts that need to wait no longer when windows up to
// one fire, in order, and removes them.
func (a *ahead[P]) reached(fired int64) iter.Seq[cohort[P]] {
	return func(yield func(cohort[P]) bool) {
		for len(*a) > 0 && (*a)[0].fired <= fired {
			c := (*a)[0]
			*a = slices.Delete(*a, 0, 1)
			if !yield(c) {
				return
			}
		}
	}
}

// namedAhead names the tables of all cohorts.
func namedAhead[P, T any](a ahead[P], of func(*P) (int64, T)) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, c := range a {
			for name, t := range named(c.parts, c.fired, of) {
				if !yield(name, t) {
					return
				}
			}
		}
	}
}

// completing is the watermark that completes the windows up to one, and no
// other.
func completing(a window.Assigner, last int64) event.Time {
	switch last {
	case math.MinInt64:
		return event.MinTime
	case math.MaxInt64:
		return event.MaxTime
	}
	return a.Window(last).End - 1
}
