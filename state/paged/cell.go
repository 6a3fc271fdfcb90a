package paged

import (
	"reflect"
	"unsafe"
)

// cell is a key in memory: what is known of it. The key and its state follow in
// the same piece of memory, which is one of cells.
type cell struct {
	hash  uint64
	sum   uint64 // of the encoding that is stored
	owned int64  // bytes that key and state own
	epoch uint32 // of the table when a pointer was given out
	walk  uint32 // the last one that has come by
	kept  bool   // an older state may be in the store of bytes
	given bool   // a pointer was given out since the state was last stored
}

// cells is an array of cells by slot, whose keys and states have types that are
// known when the program runs. It grows without a copy: cells never move, so
// pointers to states are valid as long as the key stays.
type cells struct {
	many    reflect.Type // a slice of cells with key and state
	size    uintptr      // of one of them
	keyAt   uintptr
	stateAt uintptr
	pages   []page
}

// page is slabSize cells. They are allocated with their type, so the garbage
// collector sees the pointers in them.
type page struct {
	first unsafe.Pointer // all at the address of the first
	all   reflect.Value
}

func newCells(key, state reflect.Type) cells {
	one := reflect.StructOf([]reflect.StructField{
		{Name: "Cell", Type: reflect.TypeFor[cell]()},
		{Name: "Key", Type: key},
		{Name: "State", Type: state},
	})
	return cells{many: reflect.SliceOf(one), size: one.Size(), keyAt: one.Field(1).Offset, stateAt: one.Field(2).Offset}
}

// grow makes room for n slots.
func (c *cells) grow(n int) {
	for len(c.pages)<<slabBits < n {
		all := reflect.MakeSlice(c.many, slabSize, slabSize)
		c.pages = append(c.pages, page{all.UnsafePointer(), all})
	}
}

func (c *cells) at(slot uint32) *cell {
	return (*cell)(unsafe.Add(c.pages[slot>>slabBits].first, uintptr(slot&(slabSize-1))*c.size))
}

// key is the address of the key of a cell.
func (c *cells) key(of *cell) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(of), c.keyAt) }

// state is the address of the state of a cell.
func (c *cells) state(of *cell) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(of), c.stateAt) }

// clear empties a cell.
func (c *cells) clear(slot uint32) {
	c.pages[slot>>slabBits].all.Index(int(slot & (slabSize - 1))).SetZero()
}

func (c *cells) bytes() int64 {
	return int64(len(c.pages))*slabSize*int64(c.size) + int64(cap(c.pages))*int64(unsafe.Sizeof(page{}))
}
