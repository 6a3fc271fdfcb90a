package memory

import (
	"encoding/binary"
	"reflect"
	"unsafe"
)

// slots is the part of a table that does not look at keys: an array of a power
// of two slots, searched linearly from the low bits of the hash on. The high
// bits choose the key group and are alike within a small group range. A slot
// begins with its hash, which is 0 when it is empty; its type is known when the
// program runs, so that this part is compiled once.
//
// A search walks over the tags, which are small enough to stay in the cache,
// and touches only the slots whose tag is right.
type slots struct {
	first unsafe.Pointer // slot
	mask  uint64         // number of slots, less 1
	size  uintptr        // of a slot
	tags  []uint8        // of each slot, 0 when it is empty
	found [chunk]uint64  // where the search of each key of a chunk goes on
	n     int            // entries
	limit int            // entries before it has to grow
	hint  int            // entries that are expected, 0 for unknown
	touch uint64

	frozen *frozen // snapshots that are being written, mostly none

	changed bool    // entries may have changed since they got their version
	version uint64  // of the entries, see stamp; 0 for none yet
	clock   *uint64 // counts changes of all tables that go into one snapshot, nil for one alone
	late    uint64  // when it was changed last

	typed reflect.Value // the slots, with their type
	flat  bool          // without pointers, so that they move as bytes
	put   func(to, from unsafe.Pointer)
	none  unsafe.Pointer // an empty slot
}

// tagOf takes bits that the place in the array does not depend on.
func tagOf(hash uint64) uint8 { return uint8(hash>>32) | 1 }

// chunk is how many keys are looked up at a time: their tags and then their
// slots are loaded by independent instructions first, so that the cache misses
// overlap.
const chunk = 64

const smallest = 16 // slots

// put copies a slot of a type.
func put[T any](to, from unsafe.Pointer) { *(*T)(to) = *(*T)(from) }

// init makes the first slots of a type, which put copies.
func (t *slots) init(of reflect.Type, put func(to, from unsafe.Pointer)) {
	t.size, t.flat, t.put, t.none = of.Size(), !hasPointers(of), put, reflect.New(of).UnsafePointer()
	t.typed = reflect.Zero(reflect.SliceOf(of))
	t.allocate(smallest)
}

func (t *slots) allocate(size int) {
	t.typed = reflect.MakeSlice(t.typed.Type(), size, size)
	t.first, t.mask = t.typed.UnsafePointer(), uint64(size-1)
	t.tags = make([]uint8, size)
	t.limit = size / 8 * 5
}

func (t *slots) len() int { return len(t.tags) }

// at is the address of a slot, which is that of its hash.
func (t *slots) at(i uint64) *uint64 { return (*uint64)(unsafe.Add(t.first, uintptr(i)*t.size)) }

// move copies a slot of the same or another array.
func (t *slots) move(to uint64, from *slots, at uint64) {
	t.tags[to] = from.tags[at]
	if t.flat {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(t.at(to))), t.size), unsafe.Slice((*byte)(unsafe.Pointer(from.at(at))), t.size))
		return
	}
	t.put(unsafe.Pointer(t.at(to)), unsafe.Pointer(from.at(at)))
}

// hinted is the part of the expected entries that a table must hold before it
// believes in the rest: until then it takes no more room than it needs.
const hinted = 32

func (t *slots) grow() {
	old := *t
	size := max(2*old.len(), smallest)
	if t.n >= t.hint/hinted {
		for size/8*5 < t.hint {
			size *= 2
		}
	}
	if t.frozen != nil {
		t.part()
	}
	t.allocate(size)
	for i := range uint64(old.len()) {
		hash := *old.at(i)
		if hash == 0 {
			continue
		}
		at := hash & t.mask
		for t.tags[at] != 0 {
			at = (at + 1) & t.mask
		}
		t.move(at, &old, i)
	}
}

// locate sets found for at most a chunk of hashes, to the first slot that is
// empty or has the tag of the hash, and brings both ends of these slots into
// the cache. They are still right after keys were added: what is ahead of them
// on the way of a search does not change.
func (t *slots) locate(hashes []uint64) {
	first, size, mask := t.first, t.size, uint64(len(t.tags)-1)
	tags := t.tags
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
		s := unsafe.Add(first, uintptr(at)*size)
		sum += *(*uint64)(s) + uint64(*(*uint8)(unsafe.Add(s, size-1)))
	}
	t.touch = sum // keeps the loads
}

// change notes that entries may change.
func (t *slots) change() {
	t.changed = true
	if t.clock != nil {
		*t.clock++
		t.late = *t.clock
	}
}

// remove empties a slot and moves the following entries back, so that no
// search meets a gap.
func (t *slots) remove(hole uint64) {
	t.change()
	if t.frozen != nil && t.thaw() {
		t.saveCluster(hole)
	}
	for at := (hole + 1) & t.mask; t.tags[at] != 0; at = (at + 1) & t.mask {
		home := *t.at(at) & t.mask
		if (at-home)&t.mask >= (at-hole)&t.mask { // its search passes the hole
			t.move(hole, t, at)
			hole = at
		}
	}
	t.tags[hole] = 0
	if t.flat {
		clear(unsafe.Slice((*byte)(unsafe.Pointer(t.at(hole))), t.size))
	} else {
		t.put(unsafe.Pointer(t.at(hole)), t.none)
	}
	t.n--
}

// expect says that there will be about n entries. Unlike Expect it takes room
// ahead of need, once there is a fraction of them.
func (t *slots) expect(n int) {
	t.hint = n
	if t.limit < n && t.n >= n/hinted {
		t.grow()
	}
}

// list sets found to at most max, and at most a chunk, of the entries from i on, and
// returns how many these are and the index of the next one, -1 when there is none.
// Which slots are empty cannot be foreseen, so it has no branch for that.
func (t *slots) list(i, max int) (n, next int) {
	const group = 8 // tags that are looked at together, of which a table has a multiple
	for max = min(max, chunk); i < len(t.tags) && n < max; {
		if i%group > 0 || n+group > max {
			t.found[n] = uint64(i)
			n += int(t.tags[i] & 1)
			i++
			continue
		}
		for tags := binary.LittleEndian.Uint64(t.tags[i:]); ; tags >>= 8 {
			t.found[n&(chunk-1)] = uint64(i)
			n += int(tags & 1)
			if i++; i%group == 0 {
				break
			}
		}
	}
	return n, t.next(i)
}

// next is the index of the first entry from i on, -1 when there is none.
func (t *slots) next(i int) int {
	for ; i < len(t.tags); i++ {
		if t.tags[i] != 0 {
			return i
		}
	}
	return -1
}

func (t *slots) clear() {
	size, lent := t.len(), t.frozen != nil && t.thaw()
	for size > smallest && t.n < size/8 {
		size /= 2
	}
	if size < t.len() || lent {
		t.allocate(size)
		t.frozen = nil // nobody has what was not saved
	} else {
		t.typed.Clear()
		clear(t.tags)
	}
	t.n, t.changed = 0, true
}

func (t *slots) bytes() int64 { return int64(t.len()) * int64(t.size+1) }

func hasPointers(t reflect.Type) bool {
	switch k := t.Kind(); {
	case k >= reflect.Bool && k <= reflect.Complex128:
		return false
	case k == reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case k == reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}
