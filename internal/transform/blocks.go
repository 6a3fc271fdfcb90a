package transform

import (
	"cmp"
	"math"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// A window of n panes that fires merges them all, and the next one nearly the same.
// So where a window has many, blocks of about √n panes are kept merged, and a window
// merges blocks and what is left at its two ends. Blocks are made of panes that
// are complete, are no part of a snapshot, and are made again when one of their
// panes changes after all.

// fewPanes are merged one by one.
const fewPanes = 16

// blocks are those of a Window, ascending.
type blocks[K comparable, A any] struct {
	size int64 // panes of a block, 0 if there are to be none
	all  []block[K, A]
	last int64 // no pane after it is in a block
}

// block is a sum of panes, of those from number×size on.
type block[K comparable, A any] struct {
	number int64
	// table is nil where merging saves little, since panes have few keys in common.
	table state.Table[K, A]
}

func newBlocks[K comparable, A any](panes int) blocks[K, A] {
	b := blocks[K, A]{last: math.MinInt64}
	if panes >= fewPanes {
		b.size = int64(math.Sqrt(float64(panes)))
	}
	return b
}

// of is the number of the block of a pane.
func (b *blocks[K, A]) of(pane int64) int64 {
	number := pane / b.size
	if pane%b.size < 0 {
		number--
	}
	return number
}

func (b *blocks[K, A]) find(number int64) (i int, found bool) {
	return slices.BinarySearchFunc(b.all, number, func(x block[K, A], n int64) int { return cmp.Compare(x.number, n) })
}

// changed forgets the block of a pane, if there is one.
func (b *blocks[K, A]) changed(pane int64) {
	if b.size == 0 {
		return
	}
	if i, found := b.find(b.of(pane)); found {
		b.forget(i, i+1)
	}
}

// before forgets the blocks that have panes before live.
func (b *blocks[K, A]) before(live int64) {
	n := 0
	for n < len(b.all) && b.all[n].number*b.size < live {
		n++
	}
	b.forget(0, n)
}

func (b *blocks[K, A]) forget(from, to int) {
	for _, x := range b.all[from:to] {
		if x.table != nil {
			x.table.Clear()
		}
	}
	b.all = slices.Delete(b.all, from, to)
}

// bytes is the memory that blocks take.
func (b *blocks[K, A]) bytes() (n int64) {
	for _, x := range b.all {
		if x.table != nil {
			n += x.table.Bytes()
		}
	}
	return n
}

// sum merges the panes of a window, which is complete and consists of those from
// first to before stop, into an empty table.
func (o *Window[K, T, A, U]) sum(into state.Table[K, A], first, stop int64, panes []pane[K, A]) {
	for len(panes) > 0 {
		n := 1
		if size := o.blocks.size; size > 0 {
			number := o.blocks.of(panes[0].number)
			for n < len(panes) && panes[n].number < (number+1)*size {
				n++
			}
			if number*size >= first && (number+1)*size <= stop {
				if t := o.block(number, panes[:n]); t != nil {
					o.merge(into, t)
					panes = panes[n:]
					continue
				}
			}
		}
		for i := range panes[:n] {
			o.merge(into, panes[i].table)
		}
		panes = panes[n:]
	}
}

// block is the sum of all panes of a block, nil if there is none.
func (o *Window[K, T, A, U]) block(number int64, panes []pane[K, A]) state.Table[K, A] {
	b := &o.blocks
	i, found := b.find(number)
	if found {
		return b.all[i].table
	}
	t := o.tables.all.Scratch()
	if t == nil {
		b.size = 0 // nor will there be one
		return nil
	}
	keys := 0
	for i := range panes {
		o.merge(t, panes[i].table)
		keys += panes[i].table.Len()
	}
	if 2*t.Len() > keys {
		t.Clear()
		t = nil
	}
	b.all = slices.Insert(b.all, i, block[K, A]{number, t})
	b.last = max(b.last, panes[len(panes)-1].number, (number+1)*b.size-1)
	return t
}
