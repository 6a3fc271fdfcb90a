package memory

import (
	"reflect"
	"unsafe"
)

// plainTable holds its keys in the slots.
type plainTable[K comparable, S any] struct {
	slots   slots
	strings owner[K] // nil when keys have no strings in them
	owned   int64    // bytes of those
}

func newPlainTable[K comparable, S any]() *plainTable[K, S] {
	t := &plainTable[K, S]{strings: ownerOf[K]()}
	t.slots.init(reflect.TypeFor[slot[K, S]](), put[slot[K, S]])
	return t
}

// slot is an entry of a plain table.
type slot[K, S any] struct {
	_     [0]func() // entries are never compared, which takes no code then
	hash  uint64
	key   K
	state S
}

// array is the slots.
func (t *plainTable[K, S]) array() []slot[K, S] {
	return unsafe.Slice((*slot[K, S])(t.slots.first), len(t.slots.tags))
}

// same also holds for two keys with equal hashes that do not equal themselves.
func same[K comparable](a, b K) bool { return a == b || unequal(a, a) && unequal(b, b) }

func unequal[K comparable](a, b K) bool { return a != b }

// Lookup implements state.Table.
func (t *plainTable[K, S]) Lookup(keys []K, hashes []uint64, out []*S) {
	hashes, out = hashes[:len(keys)], out[:len(keys)]
	t.slots.change()
	lent := t.slots.frozen != nil && t.slots.thaw()
	for from := 0; from < len(keys); {
		to := min(from+chunk, len(keys))
		t.slots.locate(hashes[from:to])
		if t.resolve(keys[from:to], hashes[from:to], out[from:to], lent) {
			from = to
		} else { // the slots have moved: all pointers so far are stale
			t.slots.grow()
			from = 0
		}
	}
}

// resolve stops, and returns false, when it has to add a key and is full. While a
// snapshot is being written, what is given out is saved before.
func (t *plainTable[K, S]) resolve(keys []K, hashes []uint64, out []*S, lent bool) bool {
	array := t.array()
	mask := uint64(len(array) - 1)
	hashes, out = hashes[:len(keys)], out[:len(keys)]
	for i := range keys {
		h := hashes[i]
		for at := t.slots.found[i&(chunk-1)]; ; at = (at + 1) & mask {
			s := &array[at&mask]
			if s.hash == h && same(s.key, keys[i]) {
				if lent {
					t.slots.save(at&mask, h)
				}
				out[i] = &s.state
				break
			}
			if s.hash == 0 {
				if t.slots.n >= t.slots.limit {
					return false
				}
				if lent {
					t.slots.save(at&mask, h)
				}
				t.slots.n++
				s.hash, s.key, t.slots.tags[at&mask] = h, keys[i], tagOf(h)
				if t.strings != nil {
					t.owned += t.strings.copy(&s.key)
				}
				out[i] = &s.state
				break
			}
		}
	}
	return true
}

func (t *plainTable[K, S]) find(key *K, hash uint64) (uint64, bool) {
	array := t.array()
	mask := uint64(len(array) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &array[at&mask]
		switch {
		case s.hash == hash && same(s.key, *key):
			return at, true
		case s.hash == 0:
			return 0, false
		}
	}
}

// Get implements state.Table.
func (t *plainTable[K, S]) Get(key *K, hash uint64) *S {
	if at, ok := t.find(key, hash); ok {
		t.slots.change()
		if t.slots.frozen != nil && t.slots.thaw() {
			t.slots.save(at, hash)
		}
		return &t.array()[at].state
	}
	return nil
}

// Delete implements state.Table.
func (t *plainTable[K, S]) Delete(key *K, hash uint64) bool {
	at, ok := t.find(key, hash)
	if ok {
		t.owned -= t.strings.bytes(&t.array()[at].key)
		t.slots.remove(at)
	}
	return ok
}

// Range implements state.Table.
func (t *plainTable[K, S]) Range(cursor int, f func(hash uint64, key K, s *S) bool) int {
	array := t.array()
	t.slots.change()
	lent := t.slots.frozen != nil && t.slots.thaw()
	for i := t.slots.next(cursor); i >= 0; i = t.slots.next(i + 1) {
		s := &array[i]
		if lent {
			t.slots.save(uint64(i), s.hash)
		}
		if !f(s.hash, s.key, &s.state) {
			return t.slots.next(i + 1)
		}
	}
	return -1
}

// Scan implements state.Table.
func (t *plainTable[K, S]) Scan(cursor int, keys []K, hashes []uint64, states []*S) (n, next int) {
	array := t.array()
	t.slots.thaw() // what is only read need not be saved
	hashes, states = hashes[:len(keys)], states[:len(keys)]
	for next = cursor; n < len(keys) && next >= 0; {
		var m int
		m, next = t.slots.list(next, len(keys)-n)
		for _, at := range t.slots.found[:m] {
			s := &array[at]
			keys[n], hashes[n], states[n] = s.key, s.hash, &s.state
			n++
		}
	}
	return n, next
}

// Len implements state.Table.
func (t *plainTable[K, S]) Len() int { return t.slots.n }

// Expect implements state.Table.
func (t *plainTable[K, S]) Expect(n int) { t.slots.hint = n }

// Bytes implements state.Table.
func (t *plainTable[K, S]) Bytes() int64 { return t.slots.bytes() + t.owned }

// Clear implements state.Table.
func (t *plainTable[K, S]) Clear() {
	t.slots.clear()
	t.owned = 0
}
