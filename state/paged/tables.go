package paged

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/state"
)

// tables is what the tables of a task share: the cells of the keys in memory,
// and the store of bytes where the other keys are. When the budget is spent,
// keys that were not used since the last look leave: a clock whose hand goes
// over one table after the other, nearly in the order of the names.
type tables struct {
	kv     state.KV
	sorted state.SortedKV // the same, or nil
	unwind func(error) any
	budget int64

	key    reflect.Type
	equal  func(a, b unsafe.Pointer) bool // compares keys
	assign func(to, from unsafe.Pointer)  // copies a key
	keys   *layout.Layout
	states *layout.Layout
	own    texts // of a key
	each   int64 // bytes that a key takes, what it owns aside

	cells cells
	links slab[link] // of all tables
	slots int        // that exist
	free  []uint32
	used  int64 // bytes of the keys in memory

	listed []*table // those with keys in memory
	turn   int
	next   uint64 // number of a table

	wanted wanted
	name   []byte // scratch
	value  []byte
	touch  uint64 // keeps loads
}

// newTables makes tables of keys and states of these types.
func newTables(kv state.KV, budget int64, unwind func(error) any, key, states reflect.Type) (*tables, error) {
	p := &tables{kv: kv, unwind: unwind, budget: budget, key: key, own: textsIn(nil, key, 0), cells: newCells(key, states)}
	p.sorted, _ = kv.(state.SortedKV)
	var err error
	if p.keys, err = layout.OfKey(key); err != nil {
		return nil, err
	}
	if p.states, err = layout.Of(states); err != nil {
		return nil, fmt.Errorf("the accumulator %w", err)
	}
	p.each = int64(p.cells.size) + linkSize + inHeads
	return p, nil
}

// inHeads is about what a key takes in an index, its link aside.
const inHeads = 2

// add makes an empty table.
func (p *tables) add(t *table) {
	t.tables, t.epoch = p, 1
	t.index = index{links: &p.links, high: func(slot uint32) uint32 { return top(p.cells.at(slot).hash) }}
}

// spare is the memory of cells that are free, and what the store of bytes holds.
func (p *tables) spare() int64 {
	used := int64(p.slots-len(p.free)) * (int64(p.cells.size) + linkSize)
	return p.cells.bytes() + p.links.bytes() - used + int64(cap(p.free))*4 + p.kv.Bytes()
}

// nth is one of several keys that lie one after the other.
func (p *tables) nth(keys unsafe.Pointer, i int) unsafe.Pointer {
	return unsafe.Add(keys, uintptr(i)*p.key.Size())
}

// show returns a key for a message.
func (p *tables) show(key unsafe.Pointer) any { return reflect.NewAt(p.key, key).Elem().Interface() }

// acquire takes a cell into use.
func (p *tables) acquire() uint32 {
	if n := len(p.free); n > 0 {
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		return slot
	}
	slot := uint32(p.slots)
	p.slots++
	p.cells.grow(p.slots)
	p.links.grow(p.slots)
	return slot
}

// release empties a cell.
func (p *tables) release(slot uint32) {
	p.cells.clear(slot)
	p.free = append(p.free, slot)
}

// makeRoom evicts keys while n more would be over the budget, a bounded number,
// whole chains.
func (p *tables) makeRoom(n int) {
	over := func() bool { return p.used+int64(n)*p.each > p.budget }
	for looks, turns := max(n, 16)*lookBurst, 0; looks > 0 && len(p.listed) > 0 && over(); {
		if p.turn >= len(p.listed) {
			p.turn = 0
		}
		t := p.listed[p.turn]
		if t.index.n == 0 {
			p.unlist(t)
			continue
		}
		if t.hand >= len(t.index.heads) {
			t.hand = 0
			p.turn++
			if turns++; turns > 2*len(p.listed)+1 { // all that is left is in use
				return
			}
			continue
		}
		for slot := range t.index.chain(t.hand) {
			looks--
			switch l := p.links.at(slot); {
			case l.isMarked():
				*l &^= marked
			case !t.pinned(slot):
				t.evict(slot)
			}
		}
		t.hand++
	}
}

func (p *tables) list(t *table) {
	if t.at == 0 {
		p.listed = append(p.listed, t)
		t.at = len(p.listed)
	}
}

func (p *tables) unlist(t *table) {
	if t.at == 0 {
		return
	}
	last := len(p.listed) - 1
	p.listed[t.at-1] = p.listed[last]
	p.listed[t.at-1].at = t.at
	p.listed[last] = nil
	p.listed, t.at = p.listed[:last], 0
}

// failed unwinds.
func (p *tables) failed(format string, args ...any) {
	panic(p.unwind(fmt.Errorf(format, args...)))
}
