package afflux

import (
	"cmp"
	"slices"
)

// Top is the n records for which f is largest, the largest first; of equal
// ones, those that came first. Used with Windowed.Aggregate it ranks the
// records of each key and window, with Keyed.Aggregate all records of a key so
// far. It panics when n is less than 1.
func Top[T any, N cmp.Ordered](n int, f func(*T) N) Aggregator[T, []T, []T] {
	if n < 1 {
		panic("afflux.Top: n must be at least 1")
	}
	add := func(a *[]T, v *T) {
		rank := f(v)
		if len(*a) == n && cmp.Compare(rank, f(&(*a)[n-1])) <= 0 {
			return
		}
		at, _ := slices.BinarySearchFunc(*a, rank, func(o T, rank N) int {
			if cmp.Compare(f(&o), rank) >= 0 {
				return -1
			}
			return 1
		})
		if len(*a) == n {
			*a = (*a)[:n-1]
		}
		*a = slices.Insert(*a, at, *v)
	}
	return Aggregator[T, []T, []T]{
		Add: add,
		Merge: func(into, from *[]T) {
			for i := range *from {
				add(into, &(*from)[i])
			}
		},
		Result: func(a *[]T) []T { return slices.Clone(*a) },
	}
}

// MinBy is the record for which f is smallest; of several, the one that came
// first. With the event time it is the first record of a window.
func MinBy[T any, N cmp.Ordered](f func(*T) N) Aggregator[T, Chosen[T], T] {
	return chosen(func(a, b *T) bool { return cmp.Less(f(a), f(b)) })
}

// MaxBy is the record for which f is largest; of several, the one that came
// first.
func MaxBy[T any, N cmp.Ordered](f func(*T) N) Aggregator[T, Chosen[T], T] {
	return chosen(func(a, b *T) bool { return cmp.Less(f(b), f(a)) })
}

// Chosen is the accumulator of MinBy and MaxBy.
type Chosen[T any] struct {
	Record T
	Set    bool
}

func chosen[T any](better func(a, b *T) bool) Aggregator[T, Chosen[T], T] {
	take := func(a *Chosen[T], v *T) {
		if !a.Set || better(v, &a.Record) {
			a.Record, a.Set = *v, true
		}
	}
	return Aggregator[T, Chosen[T], T]{
		Add: take,
		Merge: func(into, from *Chosen[T]) {
			if from.Set {
				take(into, &from.Record)
			}
		},
		Result: func(a *Chosen[T]) T { return a.Record },
	}
}
