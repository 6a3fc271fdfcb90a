package memory

import "unsafe"

// slot is an entry of a table; its hash is 0 when it is empty. Q is how the
// table stores a key.
type slot[Q, S any] struct {
	hash  uint64
	key   Q
	state S
}

// slots is the part of a table that does not look at keys: an array of a power
// of two slots, searched linearly from the low bits of the hash on. The high
// bits choose the key group and are alike within a small group range.
type slots[Q, S any] struct {
	array []slot[Q, S]
	n     int // entries
	limit int // entries before it has to grow
	touch uint64
}

// chunk is how many keys are looked up at a time: their slots are loaded by
// independent instructions first, so that the cache misses overlap.
const chunk = 64

const smallest = 16 // slots

func (t *slots[Q, S]) allocate(size int) {
	t.array = make([]slot[Q, S], size)
	t.limit = size / 8 * 5
}

func (t *slots[Q, S]) grow() {
	old := t.array
	t.allocate(max(2*len(old), smallest))
	mask := uint64(len(t.array) - 1)
	for i := range old {
		s := &old[i]
		if s.hash == 0 {
			continue
		}
		at := s.hash & mask
		for t.array[at].hash != 0 {
			at = (at + 1) & mask
		}
		t.array[at] = *s
	}
}

// preload brings the first slot of each hash into the cache.
func (t *slots[Q, S]) preload(hashes []uint64) {
	array, mask := t.array, uint64(len(t.array)-1)
	var sum uint64
	for _, h := range hashes {
		sum += array[h&mask].hash
	}
	t.touch = sum // keeps the loads
}

// remove empties a slot and moves the following entries back, so that no
// search meets a gap.
func (t *slots[Q, S]) remove(hole uint64) {
	mask := uint64(len(t.array) - 1)
	for at := (hole + 1) & mask; t.array[at].hash != 0; at = (at + 1) & mask {
		home := t.array[at].hash & mask
		if (at-home)&mask >= (at-hole)&mask { // its search passes the hole
			t.array[hole] = t.array[at]
			hole = at
		}
	}
	t.array[hole] = slot[Q, S]{}
	t.n--
}

// next is the index of the first entry from i on, -1 when there is none.
func (t *slots[Q, S]) next(i int) int {
	for ; i < len(t.array); i++ {
		if t.array[i].hash != 0 {
			return i
		}
	}
	return -1
}

func (t *slots[Q, S]) clear() {
	size := len(t.array)
	for size > smallest && t.n < size/8 {
		size /= 2
	}
	if size < len(t.array) {
		t.allocate(size)
	} else {
		clear(t.array)
	}
	t.n = 0
}

func (t *slots[Q, S]) bytes() int64 {
	return int64(len(t.array)) * int64(unsafe.Sizeof(slot[Q, S]{}))
}

// Len implements state.Table.
func (t *slots[Q, S]) Len() int { return t.n }
