package afflux_test

import (
	"testing"

	"github.com/affluxdev/afflux"
)

// Windows merge what they only read, and read it again for their results.
func TestPreparedAccumulatorsAreOnlyRead(t *testing.T) {
	a := afflux.Initialized(func(n *int) { *n = 10 }, afflux.Aggregator[int, int, int]{
		Add:    func(n *int, v *int) { *n += *v },
		Merge:  func(into, from *int) { *into += *from },
		Result: func(n *int) int { return *n },
	})
	var into, from, zero afflux.Prepared[int]
	a.Merge(&into, &from)
	if got := a.Result(&into); got != 20 {
		t.Errorf("merged to %d, want 20", got)
	}
	if got := a.Result(&from); got != 10 {
		t.Errorf("the result of an accumulator without records is %d, want 10", got)
	}
	if from != zero {
		t.Errorf("what was read has become %v", from)
	}
}
