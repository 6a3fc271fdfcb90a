package afflux

import (
	"cmp"

	"github.com/affluxdev/afflux/internal/transform"
)

// Aggregator folds records of type T into an accumulator of type A and makes a
// result of type R from it. Its functions must be pure but for the accumulator
// and must not keep their arguments. The accumulator begins as the zero value
// of A; where that will not do, Initialized prepares it.
type Aggregator[T, A, R any] struct {
	// Add folds a record in.
	Add func(*A, *T)
	// AddAll, if set, is used instead of Add for at most 256 records at a time:
	// values[i] belongs to accumulators[i]. Several may be the same. If it
	// panics it must not have changed any: Add is then called for each record,
	// to find the guilty one.
	AddAll func(accumulators []*A, values []T)
	// Merge adds what from holds to into, without sharing memory with it and
	// without changing from. Needed by sliding windows.
	Merge func(into, from *A)
	// Result is what comes out. In windows it must leave the accumulator as it
	// is, since others may have the same records.
	Result func(*A) R
	// Commutative says that Result is the same in whatever order records are
	// added, and parts of them merged. It lets windows fold records ahead of
	// the exchange where that is cheaper (see PreAggregate). Count, Sum, Avg,
	// Min, Max and Summarize are, but for what floating-point numbers are not:
	// the last bits of a sum depend on the order, and so do NaNs.
	Commutative bool
}

// Number is what can be summed.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Count counts records.
func Count[T any]() Aggregator[T, int64, int64] {
	return Aggregator[T, int64, int64]{
		Add: func(a *int64, _ *T) { *a++ },
		AddAll: func(accs []*int64, _ []T) {
			for _, a := range accs {
				*a++
			}
		},
		Merge:       func(into, from *int64) { *into += *from },
		Result:      func(a *int64) int64 { return *a },
		Commutative: true,
	}
}

// Sum adds up what f returns.
func Sum[T any, N Number](f func(*T) N) Aggregator[T, N, N] {
	return Aggregator[T, N, N]{
		Add: func(a *N, v *T) { *a += f(v) },
		AddAll: func(accs []*N, values []T) {
			// f may panic: nothing is added before it has seen every record.
			var terms [256]N
			for i := range values {
				terms[i] = f(&values[i])
			}
			for i, a := range accs {
				*a += terms[i]
			}
		},
		Merge:       func(into, from *N) { *into += *from },
		Result:      func(a *N) N { return *a },
		Commutative: true,
	}
}

// Mean is a sum with its count.
type Mean struct {
	Sum   float64
	Count int64
}

// Avg is the arithmetic mean of what f returns.
func Avg[T any, N Number](f func(*T) N) Aggregator[T, Mean, float64] {
	return Aggregator[T, Mean, float64]{
		Add:         func(a *Mean, v *T) { a.Sum += float64(f(v)); a.Count++ },
		Merge:       func(into, from *Mean) { into.Sum += from.Sum; into.Count += from.Count },
		Result:      func(a *Mean) float64 { return a.Sum / float64(a.Count) },
		Commutative: true,
	}
}

// Extreme is the accumulator of Min and Max.
type Extreme[N any] struct {
	Value N
	Set   bool
}

// Min is the smallest of what f returns.
func Min[T any, N cmp.Ordered](f func(*T) N) Aggregator[T, Extreme[N], N] {
	return extreme(f, func(a, b N) bool { return a < b })
}

// Max is the largest of what f returns.
func Max[T any, N cmp.Ordered](f func(*T) N) Aggregator[T, Extreme[N], N] {
	return extreme(f, func(a, b N) bool { return a > b })
}

func extreme[T any, N cmp.Ordered](f func(*T) N, better func(a, b N) bool) Aggregator[T, Extreme[N], N] {
	take := func(a *Extreme[N], v N) {
		if !a.Set || better(v, a.Value) {
			a.Value, a.Set = v, true
		}
	}
	return Aggregator[T, Extreme[N], N]{
		Add: func(a *Extreme[N], v *T) { take(a, f(v)) },
		Merge: func(into, from *Extreme[N]) {
			if from.Set {
				take(into, from.Value)
			}
		},
		Result:      func(a *Extreme[N]) N { return a.Value },
		Commutative: true,
	}
}

// Prepared is the accumulator of Initialized.
type Prepared[A any] struct {
	ready bool
	acc   A
}

func (p *Prepared[A]) get(init func(*A)) *A {
	if !p.ready {
		p.ready = true
		init(&p.acc)
	}
	return &p.acc
}

// read is get that leaves p as it is.
func (p *Prepared[A]) read(init func(*A)) *A {
	if p.ready {
		return &p.acc
	}
	var fresh A
	init(&fresh)
	return &fresh
}

// Initialized is an aggregator whose accumulators begin as what init makes of
// the zero value of A. An aggregator that does without is faster.
func Initialized[T, A, R any](init func(*A), a Aggregator[T, A, R]) Aggregator[T, Prepared[A], R] {
	p := Aggregator[T, Prepared[A], R]{Commutative: a.Commutative}
	if a.Add != nil {
		p.Add = func(acc *Prepared[A], v *T) { a.Add(acc.get(init), v) }
	}
	if a.Merge != nil {
		p.Merge = func(into, from *Prepared[A]) { a.Merge(into.get(init), from.read(init)) }
	}
	if a.Result != nil {
		p.Result = func(acc *Prepared[A]) R { return a.Result(acc.read(init)) }
	}
	return p
}

// fold is how records are folded.
func (a Aggregator[T, A, R]) fold() transform.Fold[T, A] {
	return transform.Fold[T, A]{Add: a.Add, AddAll: a.AddAll, Merge: a.Merge, Commutative: a.Commutative}
}
