package memory

import (
	"strings"
	"unsafe"
)

// stringTable is the table of keys that are strings: short ones are in its
// slots, the others in an arena. K is string or a type made from it.
type stringTable[K comparable, S any] struct {
	slots[text, S]
	arena arena
	room  []byte // where Range copies keys to; what is filled is never changed
}

func newStringTable[K comparable, S any]() *stringTable[K, S] {
	t := &stringTable[K, S]{}
	t.allocate(smallest)
	return t
}

func asString[K comparable](k *K) string { return *(*string)(unsafe.Pointer(k)) }

func fromString[K comparable](s string) K { return *(*K)(unsafe.Pointer(&s)) }

// Lookup implements state.Table.
func (t *stringTable[K, S]) Lookup(keys []K, hashes []uint64, out []*S) {
	texts := unsafe.Slice((*string)(unsafe.Pointer(unsafe.SliceData(keys))), len(keys))
	hashes, out = hashes[:len(keys)], out[:len(keys)]
	for from := 0; from < len(keys); {
		to := min(from+chunk, len(keys))
		t.locate(hashes[from:to])
		if len(t.arena.bytes) > 0 {
			t.preload(to - from)
		}
		if t.resolve(texts[from:to], hashes[from:to], out[from:to]) {
			from = to
		} else { // the slots have moved: all pointers so far are stale
			t.grow()
			from = 0
		}
	}
}

// preload brings the keys of the first n slots found that are in the arena into
// the cache, both ends of them.
func (t *stringTable[K, S]) preload(n int) {
	array, mask, bytes := t.array, uint64(len(t.array)-1), t.arena.bytes
	var sum uint64
	for _, at := range t.found[:n] {
		r, ok := array[at&mask].key.ref()
		start := uint64(r >> lengthBits)
		end := start + uint64(r&longRef)
		if ok && end < uint64(len(bytes)) {
			sum += uint64(bytes[start]) + uint64(bytes[end])
		}
	}
	t.touch += sum
}

// resolve stops, and returns false, when it has to add a key and is full.
func (t *stringTable[K, S]) resolve(keys []string, hashes []uint64, out []*S) bool {
	array, mask := t.array, uint64(len(t.array)-1)
	hashes, out = hashes[:len(keys)], out[:len(keys)]
	for i, key := range keys {
		h, short := hashes[i], len(key) <= inline
		var w words
		if short {
			w = pack(key)
		}
		for at := t.found[i&(chunk-1)]; ; at = (at + 1) & mask {
			s := &array[at&mask]
			if s.hash == h && (short && s.key.equals(&w) || !short && s.key.view(&t.arena) == key) {
				out[i] = &s.state
				break
			}
			if s.hash == 0 {
				if t.n >= t.limit {
					return false
				}
				if !short {
					w = packRef(t.arena.add(key))
				}
				t.n++
				s.hash, t.tags[at&mask] = h, tagOf(h)
				s.key.set(w)
				out[i] = &s.state
				break
			}
		}
	}
	return true
}

func (t *stringTable[K, S]) find(key string, hash uint64) (uint64, bool) {
	mask := uint64(len(t.array) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &t.array[at]
		switch {
		case s.hash == hash && s.key.view(&t.arena) == key:
			return at, true
		case s.hash == 0:
			return 0, false
		}
	}
}

// Get implements state.Table.
func (t *stringTable[K, S]) Get(key *K, hash uint64) *S {
	if at, ok := t.find(asString(key), hash); ok {
		return &t.array[at].state
	}
	return nil
}

// Delete implements state.Table.
func (t *stringTable[K, S]) Delete(key *K, hash uint64) bool {
	at, ok := t.find(asString(key), hash)
	if !ok {
		return false
	}
	if r, ok := t.array[at].key.ref(); ok {
		t.arena.drop(r)
	}
	t.remove(at)
	if t.arena.wasteful() {
		t.compact()
	}
	return true
}

// compact copies the keys of the arena that are in use to a new one.
func (t *stringTable[K, S]) compact() {
	old := t.arena
	t.arena = arena{bytes: make([]byte, 0, len(old.bytes)-old.dead)}
	for i := t.next(0); i >= 0; i = t.next(i + 1) {
		if k := &t.array[i].key; k[inline] == far {
			k.set(packRef(t.arena.add(k.view(&old))))
		}
	}
}

// block is how many bytes of keys Range copies into one allocation: few
// allocations, and a key that is kept pins no more than this.
const block = 4 << 10

// Range implements state.Table.
func (t *stringTable[K, S]) Range(cursor int, f func(hash uint64, key K, s *S) bool) int {
	for i := t.next(cursor); i >= 0; i = t.next(i + 1) {
		s := &t.array[i]
		key := t.keep(s.key.view(&t.arena))
		if !f(s.hash, fromString[K](key), &s.state) {
			return t.next(i + 1)
		}
	}
	return -1
}

func (t *stringTable[K, S]) keep(key string) string {
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

// Scan implements state.Table.
func (t *stringTable[K, S]) Scan(cursor int, keys []K, hashes []uint64, states []*S) (n, next int) {
	next = t.next(cursor)
	for ; n < len(keys) && next >= 0; n++ {
		s := &t.array[next]
		keys[n], hashes[n], states[n] = fromString[K](s.key.view(&t.arena)), s.hash, &s.state
		next = t.next(next + 1)
	}
	return n, next
}

// Bytes implements state.Table.
func (t *stringTable[K, S]) Bytes() int64 { return t.bytes() + t.arena.size() + int64(cap(t.room)) }

// Clear implements state.Table.
func (t *stringTable[K, S]) Clear() {
	t.clear()
	t.arena.clear()
}
