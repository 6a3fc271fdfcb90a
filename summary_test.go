package afflux_test

import (
	"testing"

	"github.com/affluxdev/afflux"
)

func TestSummarizeMergesParts(t *testing.T) {
	a := afflux.Summarize(func(v *int) int { return *v })
	numbers := []int{-7, -20, -3, -11}
	want := afflux.Summary[int]{Count: 4, Sum: -41, Min: -20, Max: -3}
	for cut := range len(numbers) + 1 {
		var left, right afflux.Summary[int]
		for i := range numbers {
			if i < cut {
				a.Add(&left, &numbers[i])
			} else {
				a.Add(&right, &numbers[i])
			}
		}
		a.Merge(&left, &right)
		if got := a.Result(&left); got != want || got.Mean() != -10.25 {
			t.Errorf("cut at %d: got %+v with the mean %g, want %+v", cut, got, got.Mean(), want)
		}
	}
	if empty := (&afflux.Summary[int]{}).Mean(); empty != 0 {
		t.Errorf("the mean of nothing is %g", empty)
	}
}
