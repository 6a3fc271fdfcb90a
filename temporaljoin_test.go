package afflux_test

import (
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"pgregory.net/rapid"
)

// asOf is the model of a temporal join: the versions that are not after a left
// record, of which the last is taken. Versions of one key have different times.
func asOf(left, right []ping, keepLeft bool) (out []match) {
	for _, a := range left {
		best := -1
		for i, b := range right {
			if a.User == b.User && b.At <= a.At && (best < 0 || right[best].At < b.At) {
				best = i
			}
		}
		switch {
		case best >= 0:
			out = append(out, match{a.N, right[best].N})
		case keepLeft:
			out = append(out, match{a.N, -1})
		}
	}
	return out
}

// versions drops records so that no key has two of one time: which of them
// counts is up to the order in which they come.
func versions(list []ping) []ping {
	seen := map[[2]int64]bool{}
	return slices.DeleteFunc(slices.Clone(list), func(v ping) bool {
		k := [2]int64{int64(v.User), int64(v.At)}
		defer func() { seen[k] = true }()
		return seen[k]
	})
}

var temporalJoins = map[string]func(*afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match]{
	"inner": func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return j.AsOf().Inner("join", matchOf)
	},
	"left": func(j *afflux.Joined[int, ping, ping]) *afflux.Pairs[ping, ping, match] {
		return j.AsOf().Left("join", matchOf)
	},
}

// Whatever is late, the others are joined as the model says.
func TestTemporalJoinAgainstModel(t *testing.T) {
	for name, join := range temporalJoins {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				left, right := drawPings(rt, "left"), versions(drawPings(rt, "right"))
				bound := time.Duration(rapid.SampledFrom([]int{outOfOrder, 10, 0}).Draw(rt, "bound"))
				for _, p := range parallelisms {
					got, lateLeft, lateRight := joinPings(t, left, right, bound, join, afflux.Parallelism(p), afflux.Buffers(2, 256))
					want := asOf(without(left, lateLeft), without(right, lateRight), name == "left")
					if !slices.Equal(sortMatches(got), sortMatches(want)) {
						rt.Fatalf("parallelism %d: got %v, want %v; late %v and %v", p, got, want, lateLeft, lateRight)
					}
					if bound == outOfOrder && len(lateLeft)+len(lateRight) > 0 {
						rt.Fatalf("%d and %d records are late", len(lateLeft), len(lateRight))
					}
				}
			})
		})
	}
}

// The same with more records, on disk too.
func TestTemporalJoinLarge(t *testing.T) {
	left, right := pings(1, 4000, 30), versions(pings(2, 4000, 30))
	for name, join := range temporalJoins {
		want := asOf(left, right, name == "left")
		atParallelism(t, func(t *testing.T, options ...afflux.JobOption) {
			got, lateLeft, lateRight := joinPings(t, left, right, outOfOrder, join, options...)
			if len(lateLeft)+len(lateRight) > 0 {
				t.Errorf("%d and %d records are late", len(lateLeft), len(lateRight))
			}
			equalSets(t, name, got, want)
		})
	}
}
