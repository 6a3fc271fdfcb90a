package memory

import "unsafe"

// keyFinder finds a key by its hash and what its state is, for those who keep
// a reference to a key that is smaller than the key.
type keyFinder[K comparable, S any] interface {
	// findKey returns the key with this hash whose state matches, which match
	// only reads. The key is the caller's to keep.
	findKey(hash uint64, match func(*S) bool) (key K, ok bool)
}

func (t *plainTable[K, S]) findKey(hash uint64, match func(*S) bool) (key K, ok bool) {
	array := t.array()
	mask := uint64(len(array) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		switch s := &array[at&mask]; {
		case s.hash == hash && match(&s.state):
			return s.key, true
		case s.hash == 0:
			return key, false
		}
	}
}

func (t *namedTable[K, S]) findKey(hash uint64, match func(*S) bool) (key K, ok bool) {
	name, ok := t.of.findKey(hash, func(s unsafe.Pointer) bool { return match((*S)(s)) })
	return fromString[K](name), ok
}

func (t *stringTable) findKey(hash uint64, match func(unsafe.Pointer) bool) (key string, ok bool) {
	for at := hash & t.mask; ; at = (at + 1) & t.mask {
		switch s := t.slot(at); {
		case s.hash == hash && match(stateOf(s)):
			return t.keep(s.key.view(&t.arena)), true
		case s.hash == 0:
			return "", false
		}
	}
}
