package state

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
)

// defaultBroadcast is how many entries a broadcast state may have.
const defaultBroadcast = 1 << 20

// shared is a broadcast state of a store: it belongs to no key. It is a map in
// the only slot of a store of its own, so that it is encoded as states of keys
// are, and found by its name.
type shared struct {
	name string
	own  *Store
}

// BroadcastMap is a map that belongs to no key: each subtask has one, and all
// of them make the same changes in the same order, so that they are equal. It
// is kept in memory, and bounded (MaxEntries).
type BroadcastMap[K comparable, V any] struct {
	s    *Store
	m    *Map[K, V]
	most int
}

// NewBroadcastMap declares a state in a store. It takes no time to live, which
// would come to an end at different moments on different subtasks. Mistakes are
// reported by Seal.
func NewBroadcastMap[K comparable, V any](s *Store, name string, options ...Option) *BroadcastMap[K, V] {
	s.declare(name, nil)
	own := NewStore()
	own.bounded = true
	m := NewMap[K, V](own, name, options...)
	if own.Expires() {
		own.errs = append(own.errs, fmt.Errorf("state %q: a broadcast state has no time to live, since subtasks would not agree on it: delete entries", name))
	}
	s.errs = append(s.errs, own.errs...)
	own.Use(own.Acquire())
	s.shared = append(s.shared, shared{name: name, own: own})
	return &BroadcastMap[K, V]{s: s, m: m, most: cmp.Or(own.most, defaultBroadcast)}
}

// Shared tells whether the store has broadcast states.
func (s *Store) Shared() bool { return len(s.shared) > 0 }

// AllowBroadcast says whether broadcast states may be changed now.
func (s *Store) AllowBroadcast(ok bool) { s.open = ok }

var errBroadcast = errors.New("a broadcast state is changed where only some subtasks would do so: change it in ProcessBroadcast alone, which all of them run for the same records")

func (b *BroadcastMap[K, V]) change() {
	if !b.s.open {
		panic(errBroadcast)
	}
}

// Get returns the value of an entry, and whether there is one.
func (b *BroadcastMap[K, V]) Get(k K) (V, bool) { return b.m.Get(k) }

// Len is the number of entries.
func (b *BroadcastMap[K, V]) Len() int { return b.m.Len() }

// All walks over the entries, in an order that is the same on all subtasks. The
// map must not be changed meanwhile, except by deleting the current entry.
func (b *BroadcastMap[K, V]) All() iter.Seq2[K, V] { return b.m.All() }

// Set adds or replaces an entry. Outside of ProcessBroadcast, and when there
// are more entries than MaxEntries, it panics, so that the record is refused.
func (b *BroadcastMap[K, V]) Set(k K, v V) {
	b.change()
	if b.m.Len() >= b.most {
		if _, ok := b.m.Get(k); !ok {
			panic(fmt.Errorf("the broadcast state %q has %d entries, which is its bound: delete some, or raise state.MaxEntries", b.m.label, b.most))
		}
	}
	b.m.Set(k, v)
}

// Delete removes an entry and tells whether there was one. Outside of
// ProcessBroadcast it panics.
func (b *BroadcastMap[K, V]) Delete(k K) bool {
	b.change()
	return b.m.Delete(k)
}

// Clear removes all entries. Outside of ProcessBroadcast it panics.
func (b *BroadcastMap[K, V]) Clear() {
	b.change()
	b.m.Clear()
}
