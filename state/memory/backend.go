package memory

import (
	"fmt"

	"github.com/affluxdev/afflux/state"
)

// Settle looks at sweepKeys keys for expired states, and at two more for each
// new one, so that there are never more expired keys than others for long.
const (
	sweepKeys   = 8
	sweepForNew = 2
)

// selectChunk is how many keys are looked up at a time.
const selectChunk = 256

// backend keeps every key in the store.
type backend[K comparable] struct {
	store *state.Store
	table state.Table[K, uint32] // a slot and 1, since new keys have 0
	finds keyFinder[K, uint32]
	refs  [selectChunk]*uint32
	sweep int // where the search for expired states goes on
	fresh int // keys added since the last Settle

	key  [1]K
	hash [1]uint64
	ref  [1]*uint32
	one  [1]uint32
}

// NewBackend returns a backend that keeps all keys and their states in memory,
// never encoded.
func NewBackend[K comparable]() state.Backend[K] {
	b := &backend[K]{store: state.NewStore(), table: NewTable[K, uint32]()}
	b.finds = b.table.(keyFinder[K, uint32])
	return b
}

// Store implements state.Backend.
func (b *backend[K]) Store() *state.Store { return b.store }

// Select implements state.Backend.
func (b *backend[K]) Select(keys []K, hashes []uint64, slots []uint32) error {
	for from := 0; from < len(keys); from += selectChunk {
		to := min(from+selectChunk, len(keys))
		refs, out := b.refs[:to-from], slots[from:to]
		b.table.Lookup(keys[from:to], hashes[from:to], refs)
		for i, r := range refs {
			if *r == 0 {
				*r = b.store.Acquire() + 1
				b.fresh++
			}
			out[i] = *r - 1
		}
		b.store.Warm(out)
		b.store.Keep(out)
	}
	return nil
}

// Settle implements state.Backend.
func (b *backend[K]) Settle(keys []K, hashes []uint64, slots []uint32) error {
	for i, slot := range slots {
		if b.store.Unused(slot) {
			b.table.Delete(&keys[i], hashes[i])
			b.store.Release(slot)
		}
	}
	if b.store.Expires() {
		b.expire()
	}
	return nil
}

// expire looks at a few keys, one after the other, and forgets those that have
// nothing left.
func (b *backend[K]) expire() {
	n := min(sweepKeys+sweepForNew*b.fresh, b.table.Len())
	b.fresh = 0
	for range n {
		n, next := b.table.Scan(b.sweep, b.key[:], b.hash[:], b.ref[:])
		if n == 0 {
			b.sweep = 0
			return
		}
		slot := *b.ref[0] - 1
		b.store.Expire(slot)
		if b.store.Unused(slot) { // the entries behind it move up: stay here
			b.table.Delete(&b.key[0], b.hash[0])
			b.store.Release(slot)
			continue
		}
		b.sweep = max(next, 0)
	}
}

// Recall implements state.Backend.
func (b *backend[K]) Recall(slot uint32, hash uint64) (K, error) {
	key, ok := b.finds.findKey(hash, func(ref *uint32) bool { return *ref == slot+1 })
	if !ok {
		return key, fmt.Errorf("no key with hash %#x is in slot %d", hash, slot)
	}
	b.one[0] = slot
	b.store.Keep(b.one[:])
	return key, nil
}

// Len implements state.Backend.
func (b *backend[K]) Len() int { return b.table.Len() }

// Bytes implements state.Backend.
func (b *backend[K]) Bytes() int64 { return b.table.Bytes() + b.store.Bytes() }

// Close implements state.Backend.
func (b *backend[K]) Close() error {
	b.table.Clear()
	return nil
}
