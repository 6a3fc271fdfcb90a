package memory

// keyFinder finds a key by its hash and what its state is, for those who keep
// a reference to a key that is smaller than the key.
type keyFinder[K comparable, S any] interface {
	// findKey returns the key with this hash whose state matches. The key is
	// the caller's to keep.
	findKey(hash uint64, match func(*S) bool) (key K, ok bool)
}

func (t *plainTable[K, S]) findKey(hash uint64, match func(*S) bool) (key K, ok bool) {
	mask := uint64(len(t.array) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		switch s := &t.array[at]; {
		case s.hash == hash && match(&s.state):
			return s.key, true
		case s.hash == 0:
			return key, false
		}
	}
}

func (t *stringTable[K, S]) findKey(hash uint64, match func(*S) bool) (key K, ok bool) {
	mask := uint64(len(t.array) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		switch s := &t.array[at]; {
		case s.hash == hash && match(&s.state):
			return fromString[K](t.keep(s.key.view(&t.arena))), true
		case s.hash == 0:
			return key, false
		}
	}
}
