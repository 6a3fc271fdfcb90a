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
//
// A search walks over the tags, which are small enough to stay in the cache,
// and touches only the slots whose tag is right.
type slots[Q, S any] struct {
	array []slot[Q, S]
	tags  []uint8       // of each slot, 0 when it is empty
	found [chunk]uint64 // where the search of each key of a chunk goes on
	n     int           // entries
	limit int           // entries before it has to grow
	hint  int           // entries that are expected, 0 for unknown
	touch uint64
}

// tagOf takes bits that the place in the array does not depend on.
func tagOf(hash uint64) uint8 { return uint8(hash>>32) | 1 }

// chunk is how many keys are looked up at a time: their tags and then their
// slots are loaded by independent instructions first, so that the cache misses
// overlap.
const chunk = 64

const smallest = 16 // slots

func (t *slots[Q, S]) allocate(size int) {
	t.array, t.tags = make([]slot[Q, S], size), make([]uint8, size)
	t.limit = size / 8 * 5
}

// hinted is the part of the expected entries that a table must hold before it
// believes in the rest: until then it takes no more room than it needs.
const hinted = 32

// Expect implements state.Table.
func (t *slots[Q, S]) Expect(n int) { t.hint = n }

func (t *slots[Q, S]) grow() {
	old := t.array
	size := max(2*len(old), smallest)
	if t.n >= t.hint/hinted {
		for size/8*5 < t.hint {
			size *= 2
		}
	}
	t.allocate(size)
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
		t.array[at], t.tags[at] = *s, tagOf(s.hash)
	}
}

// locate sets found for at most a chunk of hashes, to the first slot that is
// empty or has the tag of the hash, and brings both ends of these slots into
// the cache. They are still right after keys were added: what is ahead of them
// on the way of a search does not change.
func (t *slots[Q, S]) locate(hashes []uint64) {
	array, mask := t.array, uint64(len(t.array)-1)
	tags := t.tags[:len(array)]
	var sum uint64
	for _, h := range hashes {
		sum += uint64(tags[h&mask])
	}
	for i, h := range hashes {
		at, tag := h&mask, tagOf(h)
		for tags[at&mask] != tag && tags[at&mask] != 0 {
			at = (at + 1) & mask
		}
		t.found[i&(chunk-1)] = at
	}
	for _, at := range t.found[:len(hashes)] {
		s := &array[at&mask]
		sum += s.hash + uint64(*(*uint8)(unsafe.Add(unsafe.Pointer(s), unsafe.Sizeof(*s)-1)))
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
			t.array[hole], t.tags[hole] = t.array[at], t.tags[at]
			hole = at
		}
	}
	t.array[hole], t.tags[hole] = slot[Q, S]{}, 0
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
		clear(t.tags)
	}
	t.n = 0
}

func (t *slots[Q, S]) bytes() int64 {
	return int64(len(t.array)) * int64(unsafe.Sizeof(slot[Q, S]{})+1)
}

// Len implements state.Table.
func (t *slots[Q, S]) Len() int { return t.n }
