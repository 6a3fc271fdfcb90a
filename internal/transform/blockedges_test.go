package transform

import (
	"slices"
	"testing"

	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// TestBlocksAreForgotten checks which blocks are kept when panes are over or change.
func TestBlocksAreForgotten(t *testing.T) {
	b := newBlocks[int, int](60)
	var tables []state.Table[int, int]
	for number := range int64(6) {
		table := memory.NewTable[int, int]()
		table.Lookup([]int{1}, []uint64{1}, make([]*int, 1))
		tables = append(tables, table)
		b.all = append(b.all, block[int, int]{number, table})
	}
	left := func(want ...int64) {
		t.Helper()
		var got []int64
		for _, x := range b.all {
			got = append(got, x.number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("blocks %v are left, not %v", got, want)
		}
		for number, table := range tables {
			if kept := slices.Contains(want, int64(number)); kept != (table.Len() == 1) {
				t.Errorf("the table of block %d has %d keys", number, table.Len())
			}
		}
	}
	if b.size != 7 || b.of(-1) != -1 || b.of(-7) != -1 || b.of(-8) != -2 || b.of(13) != 1 {
		t.Errorf("blocks have %d panes, of which those of -1, -7, -8 and 13 are in %d, %d, %d, %d", b.size, b.of(-1), b.of(-7), b.of(-8), b.of(13))
	}
	b.before(0)
	left(0, 1, 2, 3, 4, 5)
	b.before(15) // the second begins with 14
	left(3, 4, 5)
	b.changed(28)
	left(3, 5)
	b.changed(28)
	left(3, 5)
	if few := newBlocks[int, int](5); few.size != 0 {
		t.Errorf("windows of 5 panes have blocks of %d", few.size)
	}
}
