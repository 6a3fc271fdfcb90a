package afflux

// Summary is what Summarize says of the numbers that it has seen.
type Summary[N Number] struct {
	Count int64   `json:"count"`
	Sum   float64 `json:"sum"` // exact up to 2^53
	Min   N       `json:"min"`
	Max   N       `json:"max"`
}

// Mean is the arithmetic mean. It is 0 when there were no numbers.
func (s *Summary[N]) Mean() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Sum / float64(s.Count)
}

func (s *Summary[N]) merge(o *Summary[N]) {
	switch {
	case o.Count == 0:
		return
	case s.Count == 0:
		*s = *o
		return
	}
	s.Count += o.Count
	s.Sum += o.Sum
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
}

// Summarize is the count, sum, mean, minimum and maximum of what f returns.
func Summarize[T any, N Number](f func(*T) N) Aggregator[T, Summary[N], Summary[N]] {
	return Aggregator[T, Summary[N], Summary[N]]{
		Add: func(a *Summary[N], v *T) {
			n := f(v)
			a.merge(&Summary[N]{Count: 1, Sum: float64(n), Min: n, Max: n})
		},
		Merge:       (*Summary[N]).merge,
		Result:      func(a *Summary[N]) Summary[N] { return *a },
		Commutative: true,
	}
}
