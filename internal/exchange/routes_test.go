package exchange

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Each destination gets the records that its key groups say, in their order.
func TestRoutesByHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 128).Draw(t, "destinations")
		var r routes
		r.init(n)
		for _, hashes := range rapid.SliceOfN(rapid.SliceOfN(rapid.Uint64(), 1, 300), 1, 4).Draw(t, "batches") {
			r.reset(len(hashes), len(hashes))
			r.byHash(hashes)
			want := make([][]int32, n)
			for i, h := range hashes {
				group := int(h >> 57)
				d := group * n / 128
				want[d] = append(want[d], int32(i))
			}
			for d := range n {
				if !slices.Equal(r.to(d), want[d]) {
					t.Fatalf("destination %d of %d gets %v, want %v", d, n, r.to(d), want[d])
				}
			}
		}
	})
}

// Records are dealt out in turn, and the turn goes on from batch to batch.
func TestRoutesInTurn(t *testing.T) {
	var r routes
	r.init(3)
	var got [3][]int32
	base := int32(0)
	for _, n := range []int{4, 1, 7} {
		r.reset(n, n)
		r.inTurn()
		for d := range got {
			for _, i := range r.to(d) {
				got[d] = append(got[d], base+i)
			}
		}
		base += int32(n)
	}
	for d, want := range [][]int32{{0, 3, 6, 9}, {1, 4, 7, 10}, {2, 5, 8, 11}} {
		if !slices.Equal(got[d], want) {
			t.Errorf("destination %d gets %v, want %v", d, got[d], want)
		}
	}
}
