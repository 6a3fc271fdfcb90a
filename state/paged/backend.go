package paged

import (
	"fmt"
	"unsafe"

	"github.com/affluxdev/afflux/state"
)

// selectChunk is how many keys are looked up at a time, so that their cache
// misses overlap and those that are away are read together.
const selectChunk = 256

// backend keeps the keys that were used lately in the store. When the budget
// is spent, those that were not used since the last look leave: a clock whose
// hand goes in the order of the hashes. So what is written comes nearly in the
// order of its names, which a store of sorted tables takes much more easily
// than if every write fell anywhere.
type backend[K comparable] struct {
	store  *state.Store
	kv     state.KV
	sorted state.SortedKV // the same, or nil
	names  keys[K]
	budget int64

	index index
	links slab[link]
	keys  slab[K]
	tops  slab[uint32] // high halves of hashes, if they cannot be had from the keys
	sums  slab[uint64] // of the encoding that is stored, if changes are not seen
	flags slab[uint8]
	slots int   // that exist
	text  int64 // bytes that keys own
	away  int   // keys that are stored and not resident
	usual int64 // in memory when a slot was last added: the budget or little more
	hand  int   // chain of the index

	refs    [selectChunk]uint32
	touch   uint64 // keeps loads
	missing []int
	wanted  fetch
	chosen  []uint32 // slots to be evicted
	key     []byte   // scratch
	value   []byte

	look   int    // chain where the search for expired states goes on
	sweep  []byte // the last key that the search for expired ones saw
	credit int    // keys that it may look at
	dead   [][]byte
}

// Flags of a slot.
const (
	live    = 1 << iota // there is a key
	stored              // an older state of it may be in the store of bytes
	busy                // selected and not settled
	touched             // selected since it was last stored, if changes are not seen
)

// NewBackend returns a backend that keeps about as many bytes of keys and
// states in memory as budget says, and the others in kv, which it closes. Keys
// that are pinned, by timers, stay in memory.
//
// Keys with floating-point numbers or fields that are not exported are refused.
func NewBackend[K comparable](kv state.KV, budget int64) (state.Backend[K], error) {
	names, err := newKeys[K]()
	if err != nil {
		return nil, err
	}
	b := &backend[K]{store: state.NewStore(), kv: kv, names: names, budget: budget}
	b.sorted, _ = kv.(state.SortedKV)
	b.wanted.take = b.take
	b.index = index{links: &b.links, high: b.hashed}
	if names.hash == nil {
		b.index.high = b.kept
	}
	return b, nil
}

// hashed is the high half of the hash of the key in a slot, from the key.
func (b *backend[K]) hashed(slot uint32) uint32 { return top(b.names.hash(b.keys.at(slot))) }

// kept is the same, as it was given.
func (b *backend[K]) kept(slot uint32) uint32 { return *b.tops.at(slot) }

// keepHashes keeps those of all keys from now on: somebody gives keys other hashes
// than most do.
func (b *backend[K]) keepHashes() {
	b.tops.grow(b.slots)
	for slot := range b.index.all() {
		*b.tops.at(slot) = b.hashed(slot)
	}
	b.names.hash, b.index.high = nil, b.kept
}

// Store implements state.Backend.
func (b *backend[K]) Store() *state.Store { return b.store }

// Select implements state.Backend.
func (b *backend[K]) Select(keys []K, hashes []uint64, slots []uint32) error {
	for from := 0; from < len(keys); from += selectChunk {
		to := min(from+selectChunk, len(keys))
		if err := b.selectChunk(keys[from:to], hashes[from:to], slots[from:to]); err != nil {
			return err
		}
	}
	return nil
}

func (b *backend[K]) selectChunk(keys []K, hashes []uint64, slots []uint32) error {
	b.index.cover(hashes)
	b.locate(hashes)
	b.missing = b.missing[:0]
	for i, h := range hashes {
		slot, ok := b.find(&keys[i], top(h), b.refs[i])
		if !ok {
			b.missing = append(b.missing, i)
			continue
		}
		b.index.use(slot)
		*b.flags.at(slot) |= busy | touched
		slots[i] = slot
	}
	if len(b.missing) > 0 {
		if err := b.bring(keys, hashes, slots); err != nil {
			return err
		}
	}
	b.store.Warm(slots)
	return nil
}

// locate sets references to the slots where keys with these hashes may be, and
// brings what is looked at next into the cache.
func (b *backend[K]) locate(hashes []uint64) {
	b.index.locate(hashes, b.refs[:])
	sum := uint64(0)
	for _, ref := range b.refs[:len(hashes)] {
		if ref != 0 {
			slot := b.index.slot(ref)
			sum += uint64(*b.flags.at(slot))
			sum += b.warmKey(slot)
		}
	}
	b.touch += sum
}

// find looks for a key from a reference of the index on.
func (b *backend[K]) find(key *K, top, ref uint32) (slot uint32, ok bool) {
	x := &b.index
	for ref = x.seek(ref, top); ref != 0; ref = x.seek(x.after(ref), top) {
		if slot = x.slot(ref); *b.keys.at(slot) == *key {
			return slot, true
		}
	}
	return 0, false
}

// Settle implements state.Backend.
func (b *backend[K]) Settle(_ []K, hashes []uint64, slots []uint32) error {
	for i, slot := range slots {
		f := b.flags.at(slot)
		if *f&live == 0 {
			continue // it was forgotten: the key occurs twice
		}
		*f &^= busy
		if b.store.Unused(slot) {
			if err := b.forget(slot, top(hashes[i])); err != nil {
				return err
			}
		}
	}
	return b.expire()
}

// forget removes a key that has no state.
func (b *backend[K]) forget(slot, top uint32) error {
	if *b.flags.at(slot)&stored != 0 {
		name, err := b.names.append(b.key[:0], b.keys.at(slot), top)
		if b.key = name; err == nil {
			err = b.kv.Delete(name)
		}
		if err != nil {
			return fmt.Errorf("the state of key %v cannot be removed: %w", *b.keys.at(slot), err)
		}
	}
	b.drop(slot, top)
	return nil
}

// drop makes a slot free.
func (b *backend[K]) drop(slot, top uint32) {
	var none K
	b.index.remove(top, slot)
	key := b.keys.at(slot)
	b.text -= b.names.strings.owned(unsafe.Pointer(key))
	*key, *b.flags.at(slot) = none, 0
	b.store.Release(slot)
}

// acquire takes a slot into use.
func (b *backend[K]) acquire() uint32 {
	slot := b.store.Acquire()
	if int(slot) >= b.slots {
		b.slots = int(slot) + 1
		b.keys.grow(b.slots)
		b.links.grow(b.slots)
		if b.names.hash == nil {
			b.tops.grow(b.slots)
		}
		if !b.store.Exact() {
			b.sums.grow(b.slots)
		}
		b.flags.grow(b.slots)
	}
	return slot
}

// Recall implements state.Backend.
func (b *backend[K]) Recall(slot uint32, hash uint64) (key K, err error) {
	if int(slot) >= b.slots || *b.flags.at(slot)&live == 0 {
		return key, fmt.Errorf("no key with hash %#x is in slot %d", hash, slot)
	}
	*b.flags.at(slot) |= touched
	return *b.keys.at(slot), nil
}

// Len implements state.Backend.
func (b *backend[K]) Len() int { return b.index.n + b.away }

// Bytes implements state.Backend.
func (b *backend[K]) Bytes() int64 { return b.inMemory() + b.kv.Bytes() }

// inMemory is what the budget is for.
func (b *backend[K]) inMemory() int64 {
	return b.store.Bytes() + b.keys.bytes() + b.tops.bytes() + b.sums.bytes() + b.flags.bytes() + b.links.bytes() + b.index.bytes() + b.text
}

// Close implements state.Backend.
func (b *backend[K]) Close() error { return b.kv.Close() }

var _ state.Backend[int] = (*backend[int])(nil)
