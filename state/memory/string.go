package memory

import (
	"slices"
	"strings"
	"unsafe"
)

// stringTable is a table of strings: short ones are in its slots, the others in
// an arena. What its states are is not known here: namedTable knows the types.
type stringTable struct {
	slots
	arena arena
	room  []byte // where Range copies keys to; what is filled is never changed
}

// stringSlot is the first part of an entry of a string table; the other part is
// the state.
type stringSlot struct {
	hash uint64
	key  text
}

const stateAt = unsafe.Sizeof(stringSlot{})

func (t *stringTable) slot(i uint64) *stringSlot {
	return (*stringSlot)(unsafe.Add(t.first, uintptr(i)*t.size))
}

func stateOf(s *stringSlot) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(s), stateAt) }

// lookup finds the states of keys and adds those that are absent.
func (t *stringTable) lookup(keys []string, hashes []uint64, out []unsafe.Pointer) {
	t.change()
	lent := t.frozen != nil && t.thaw()
	for from := 0; from < len(keys); {
		to := min(from+chunk, len(keys))
		t.locate(hashes[from:to])
		if len(t.arena.bytes) > 0 {
			t.preload(to - from)
		}
		if t.resolve(keys[from:to], hashes[from:to], out[from:to], lent) {
			from = to
		} else { // the slots have moved: all pointers so far are stale
			t.grow()
			from = 0
		}
	}
}

// preload brings the keys of the first n slots found that are in the arena into
// the cache, both ends of them.
func (t *stringTable) preload(n int) {
	bytes := t.arena.bytes
	var sum uint64
	for _, at := range t.found[:n] {
		r, ok := t.slot(at).key.ref()
		start := uint64(r >> lengthBits)
		end := start + uint64(r&longRef)
		if ok && end < uint64(len(bytes)) {
			sum += uint64(bytes[start]) + uint64(bytes[end])
		}
	}
	t.touch += sum
}

// resolve stops, and returns false, when it has to add a key and is full. While a
// snapshot is being written, what is given out is saved before.
func (t *stringTable) resolve(keys []string, hashes []uint64, out []unsafe.Pointer, lent bool) bool {
	first, size, tags, mask := t.first, t.size, t.tags, uint64(len(t.tags)-1)
	hashes, out = hashes[:len(keys)], out[:len(keys)]
	for i, key := range keys {
		h, short := hashes[i], len(key) <= inline
		var w words
		if short {
			w = pack(key)
		}
		for at := t.found[i&(chunk-1)]; ; at = (at + 1) & mask {
			s := (*stringSlot)(unsafe.Add(first, uintptr(at)*size))
			if s.hash == h && (short && s.key.equals(&w) || !short && s.key.view(&t.arena) == key) {
				if lent {
					t.save(at&mask, h)
				}
				out[i] = stateOf(s)
				break
			}
			if s.hash == 0 {
				if t.n >= t.limit {
					return false
				}
				if lent {
					t.save(at&mask, h)
				}
				if !short {
					w = packRef(t.arena.add(key))
				}
				t.n++
				s.hash, tags[at&mask] = h, tagOf(h)
				s.key.set(w)
				out[i] = stateOf(s)
				break
			}
		}
	}
	return true
}

func (t *stringTable) find(key string, hash uint64) (uint64, bool) {
	for at := hash & t.mask; ; at = (at + 1) & t.mask {
		s := t.slot(at)
		switch {
		case s.hash == hash && s.key.view(&t.arena) == key:
			return at, true
		case s.hash == 0:
			return 0, false
		}
	}
}

// get returns the state of a key, nil if it is absent.
func (t *stringTable) get(key string, hash uint64) unsafe.Pointer {
	if at, ok := t.find(key, hash); ok {
		t.change()
		if t.frozen != nil && t.thaw() {
			t.save(at, hash)
		}
		return stateOf(t.slot(at))
	}
	return nil
}

// delete removes a key and tells whether it was present.
func (t *stringTable) delete(key string, hash uint64) bool {
	at, ok := t.find(key, hash)
	if !ok {
		return false
	}
	if r, ok := t.slot(at).key.ref(); ok {
		t.arena.drop(r)
	}
	t.remove(at)
	if t.frozen == nil && t.arena.wasteful() { // it changes all slots
		t.compact()
	}
	return true
}

// compact copies the keys of the arena that are in use to a new one.
func (t *stringTable) compact() {
	old := t.arena
	t.arena = arena{bytes: make([]byte, 0, len(old.bytes)-old.dead)}
	for i := t.next(0); i >= 0; i = t.next(i + 1) {
		if k := &t.slot(uint64(i)).key; k[inline] == far {
			k.set(packRef(t.arena.add(k.view(&old))))
		}
	}
}

// block is how many bytes of keys Range copies into one allocation: few
// allocations, and a key that is kept pins no more than this.
const block = 4 << 10

// visit calls f for the entries from cursor on until it returns false.
func (t *stringTable) visit(cursor int, f func(hash uint64, key string, s unsafe.Pointer) bool) int {
	t.change()
	lent := t.frozen != nil && t.thaw()
	for i := t.next(cursor); i >= 0; i = t.next(i + 1) {
		s := t.slot(uint64(i))
		if lent {
			t.save(uint64(i), s.hash)
		}
		if !f(s.hash, t.keep(s.key.view(&t.arena)), stateOf(s)) {
			return t.next(i + 1)
		}
	}
	return -1
}

func (t *stringTable) keep(key string) string {
	if len(key) > block/4 {
		return strings.Clone(key)
	}
	if len(key) > cap(t.room)-len(t.room) {
		t.room = make([]byte, 0, min(block, t.n*len(key)))
	}
	from := len(t.room)
	t.room = append(t.room, key...)
	return unsafe.String(unsafe.SliceData(t.room[from:]), len(key))
}

// scan fills the slices with entries from cursor on.
func (t *stringTable) scan(cursor int, keys []string, hashes []uint64, states []unsafe.Pointer) (n, next int) {
	t.thaw() // what is only read need not be saved
	for next = cursor; n < len(keys) && next >= 0; {
		var m int
		m, next = t.list(next, len(keys)-n)
		for _, at := range t.found[:m] {
			s := t.slot(at)
			keys[n], hashes[n], states[n] = s.key.view(&t.arena), s.hash, stateOf(s)
			n++
		}
	}
	return n, next
}

// held is the memory that the table holds.
func (t *stringTable) held() int64 { return t.bytes() + t.arena.size() + int64(cap(t.room)) }

// lend gives a snapshot the keys of the arena as they are now. Only its end
// changes from now on.
func (t *stringTable) lend() arena {
	t.arena.lent = true
	a := t.arena
	a.long = slices.Clone(a.long)
	return a
}

// reset removes all keys.
func (t *stringTable) reset() {
	t.clear()
	t.arena.clear()
}
