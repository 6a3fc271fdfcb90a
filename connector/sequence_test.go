package connector_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
)

// hand is a reader of a sequence that holds some of what it has read.
type hand struct {
	*connector.Sequence
	held []int64
}

func deal(t *testing.T, parallelism int, positions [][]byte) []hand {
	t.Helper()
	var all []hand
	for i := range parallelism {
		s, held, err := connector.ResumeSequence(i, parallelism, positions)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hand{s, held})
	}
	return all
}

// TestSequenceAcrossParallelisms reads a sequence with readers that are of
// unlike speed, hold records back, and are recovered again and again at other
// parallelisms: each index is given out once.
func TestSequenceAcrossParallelisms(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 200 + r.Int64N(2000)
		given := make([]int, n)
		give := func(i int64) {
			if i < n {
				given[i]++
			}
		}
		readers := deal(t, 1+r.IntN(4), nil)
		for restores := r.IntN(8); restores >= 0; restores-- {
			for range r.IntN(400) {
				h := &readers[r.IntN(1+r.IntN(len(readers)))]
				first, run := h.Next(), h.Run(1+r.Int64N(20))
				for k := range run {
					if i := first + k*h.Step(); r.IntN(5) == 0 {
						h.held = append(h.held, i)
					} else {
						give(i)
					}
				}
				h.Advance(run)
				if len(h.held) > 0 && r.IntN(2) == 0 {
					give(h.held[0])
					h.held = slices.Delete(h.held, 0, 1)
				}
			}
			var positions [][]byte
			for _, h := range readers {
				positions = append(positions, h.AppendPosition(nil, h.held))
			}
			readers = deal(t, 1+r.IntN(6), positions)
		}
		for _, h := range readers {
			for _, i := range h.held {
				give(i)
			}
			for h.Next() < n {
				give(h.Next())
				h.Advance(1)
			}
			if got, want := h.Passed()*h.Step(), n-h.Step(); got < want {
				t.Fatalf("seed %d: %s passed %d indexes in all, want %d at least", seed, h.ID(), got, want)
			}
		}
		for i, times := range given {
			if times != 1 {
				t.Fatalf("seed %d: index %d was given out %d times", seed, i, times)
			}
		}
	}
}

func TestSequenceRefusesDamage(t *testing.T) {
	var positions [][]byte
	for _, h := range deal(t, 3, nil) {
		h.Advance(h.Run(5) + h.Next())
		positions = append(positions, h.AppendPosition(nil, []int64{0, 1}))
	}
	for want, p := range map[string][][]byte{
		"has not the place of reader 1 of 3": {positions[0], positions[2]},
		"does not go with those of 3":        {positions[0], positions[1], positions[1]},
		"form that this version":             {nil},
		"left over":                          {append(slices.Clone(positions[0]), 7)},
	} {
		if _, _, err := connector.ResumeSequence(0, 1, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzSequence(f *testing.F) {
	s := connector.NewSequence(0, 1)
	s.Advance(100)
	f.Add(s.AppendPosition(nil, []int64{3, 50}))
	r, _, err := connector.ResumeSequence(0, 3, [][]byte{s.AppendPosition(nil, nil)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.AppendPosition(nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, held, err := connector.ResumeSequence(0, 1, [][]byte{b})
		if err == nil && (s.Next() < 0 || !slices.IsSorted(held)) {
			t.Fatal(fmt.Sprint(s.Next(), held))
		}
	})
}
