package paged

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/state"
)

// tables is what the tables of a task share: the cells of the keys in memory,
// and the store of bytes where the other keys are. When the budget is spent,
// keys that were not used since the last look leave: a clock whose hand goes
// over one table after the other, nearly in the order of the names.
type tables[K comparable, S any] struct {
	kv     state.KV
	sorted state.SortedKV // the same, or nil
	unwind func(error) any
	budget int64

	keys   *layout
	states *layout
	own    keys[K] // copies strings
	each   int64   // bytes that a key takes, what it owns aside

	cells slab[cell[K, S]]
	slots int // that exist
	free  []uint32
	used  int64 // bytes of the keys in memory

	listed []*table[K, S] // those with keys in memory
	turn   int
	next   uint64 // number of a table

	wanted wanted
	name   []byte // scratch
	value  []byte
	touch  uint64 // keeps loads
}

// cell is a key in memory. Cells never move, so pointers to states are valid
// as long as the key stays.
type cell[K comparable, S any] struct {
	state S
	key   K
	hash  uint64
	sum   uint64 // of the encoding that is stored
	owned int64  // bytes that key and state own
	epoch uint32 // of the table when a pointer was given out
	walk  uint32 // the last one that has come by
	kept  bool   // an older state may be in the store of bytes
}

// NewTables returns tables that keep together about as many bytes of keys and
// states in memory as budget says, and the others in kv, which they close. A
// table whose kv fails, or a state that cannot be stored, panics with what
// unwind makes of the error.
//
// States may be of any type of which values can be copied: fields need not be
// exported. Functions, channels and maps by address are refused, and keys with
// floating-point numbers. Two pointers to one value come back as pointers to
// two.
func NewTables[K comparable, S any](kv state.KV, budget int64, unwind func(error) any) (state.Tables[K, S], error) {
	k, s := reflect.TypeFor[K](), reflect.TypeFor[S]()
	p := &tables[K, S]{kv: kv, unwind: unwind, budget: budget, own: keys[K]{strings: stringsIn(nil, k, 0)}}
	p.sorted, _ = kv.(state.SortedKV)
	var err error
	c := compiler{known: map[reflect.Type]*layout{}, keys: true}
	if p.keys, err = c.compile(k, k.String()); err != nil {
		return nil, err
	}
	c = compiler{known: map[reflect.Type]*layout{}}
	if p.states, err = c.compile(s, s.String()); err != nil {
		return nil, fmt.Errorf("the accumulator %w", err)
	}
	p.each = int64(unsafe.Sizeof(cell[K, S]{})) + inIndex
	return p, nil
}

// inIndex is about what a key takes in the index.
const inIndex = 12

// New implements state.Tables.
func (p *tables[K, S]) New() state.Table[K, S] {
	t := &table[K, S]{tables: p, epoch: 1}
	t.number()
	return t
}

// Bytes implements state.Tables: cells that are free, and what the store of
// bytes holds.
func (p *tables[K, S]) Bytes() int64 {
	free := p.cells.bytes() - int64(p.slots-len(p.free))*int64(unsafe.Sizeof(cell[K, S]{}))
	return free + int64(cap(p.free))*4 + p.kv.Bytes()
}

// Close implements state.Tables.
func (p *tables[K, S]) Close() error { return p.kv.Close() }

// acquire takes a cell into use.
func (p *tables[K, S]) acquire() uint32 {
	if n := len(p.free); n > 0 {
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		return slot
	}
	slot := uint32(p.slots)
	p.slots++
	p.cells.grow(p.slots)
	return slot
}

// release empties a cell.
func (p *tables[K, S]) release(slot uint32) {
	*p.cells.at(slot) = cell[K, S]{}
	p.free = append(p.free, slot)
}

// makeRoom evicts keys while n more would be over the budget, a bounded
// number.
func (p *tables[K, S]) makeRoom(n int) {
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
		if t.hand >= len(t.index.cells) {
			t.hand = 0
			p.turn++
			if turns++; turns > 2*len(p.listed)+1 { // all that is left is in use
				return
			}
			continue
		}
		c := &t.index.cells[t.hand]
		if *c == 0 {
			t.hand++
			continue
		}
		looks--
		slot := slotOf(*c)
		switch {
		case *c&marked != 0:
			*c &^= marked
			t.hand++
		case t.pinned(slot):
			t.hand++
		default: // the keys behind it move up
			t.evict(slot)
		}
	}
}

func (p *tables[K, S]) list(t *table[K, S]) {
	if t.at == 0 {
		p.listed = append(p.listed, t)
		t.at = len(p.listed)
	}
}

func (p *tables[K, S]) unlist(t *table[K, S]) {
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
func (p *tables[K, S]) failed(format string, args ...any) {
	panic(p.unwind(fmt.Errorf(format, args...)))
}
