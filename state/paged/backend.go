package paged

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/affluxdev/afflux/state"
	"github.com/zeebo/xxh3"
)

// How much of what is stored is searched for expired states: two keys for each
// new one and a few for each chunk, in bursts, since a scan has a price.
const (
	sweepChunk  = 8
	sweepForNew = 2
	sweepBurst  = 256
)

// backend keeps the keys that were used lately in the store. When the budget
// is spent, those that were not used since the last look leave (a clock with
// one hand).
type backend[K comparable] struct {
	store    *state.Store
	kv       state.KV
	keys     keys[K]
	budget   int64
	slots    map[string]uint32 // by encoded key
	resident []resident[K]     // by slot
	text     int64             // bytes of encoded keys
	away     int               // keys that are stored and not resident
	hand     uint32

	key, value []byte // scratch
	sweep      []byte // the last key that the search for expired states saw
	credit     int    // keys that it may look at
	dead       [][]byte
}

// resident is a key in the store; free slots have name "".
type resident[K comparable] struct {
	key    K
	name   string // the encoded key
	sum    uint64 // of the encoding that is stored
	stored bool
	busy   bool // selected and not settled
	used   bool // since the hand passed
}

// NewBackend returns a backend that keeps about as many bytes of keys and
// states in memory as budget says, and the others in kv, which it closes. Keys
// that are pinned, by timers, stay in memory.
//
// Keys with floating-point numbers or fields that are not exported are refused.
func NewBackend[K comparable](kv state.KV, budget int64) (state.Backend[K], error) {
	k, err := newKeys[K]()
	if err != nil {
		return nil, err
	}
	return &backend[K]{store: state.NewStore(), kv: kv, keys: k, budget: budget, slots: map[string]uint32{}}, nil
}

// Store implements state.Backend.
func (b *backend[K]) Store() *state.Store { return b.store }

// Select implements state.Backend.
func (b *backend[K]) Select(keys []K, hashes []uint64, slots []uint32) error {
	for i := range keys {
		name, err := b.keys.append(b.key[:0], &keys[i], hashes[i])
		b.key = name
		if err != nil {
			return fmt.Errorf("key %v cannot be encoded: %w", keys[i], err)
		}
		slot, ok := b.slots[string(name)]
		if !ok {
			if slot, err = b.load(&keys[i], name); err != nil {
				return err
			}
		}
		r := &b.resident[slot]
		r.busy, r.used = true, true
		slots[i] = slot
	}
	return nil
}

// load makes a key resident.
func (b *backend[K]) load(key *K, name []byte) (uint32, error) {
	if err := b.makeRoom(); err != nil {
		return 0, err
	}
	value, ok := b.value[:0], false
	if b.away > 0 {
		var err error
		value, ok, err = b.kv.Get(name, value)
		b.value = value
		if err != nil {
			return 0, fmt.Errorf("the state of key %v cannot be read: %w", *key, err)
		}
	}
	slot := b.store.Acquire()
	if int(slot) == len(b.resident) {
		b.resident = append(b.resident, resident[K]{})
	}
	r := &b.resident[slot]
	*r = resident[K]{key: own(*key), name: string(name)}
	b.slots[r.name] = slot
	b.text += int64(len(name))
	if !ok {
		b.credit += sweepForNew
		return slot, nil
	}
	r.stored, r.sum = true, xxh3.Hash(value)
	b.away--
	if err := b.store.Load(slot, value); err != nil {
		return 0, fmt.Errorf("the state of key %v: %w", *key, err)
	}
	return slot, nil
}

// own copies a string, which may be part of something larger.
func own[K comparable](key K) K {
	if s, ok := any(key).(string); ok {
		return any(strings.Clone(s)).(K)
	}
	return key
}

// lookBurst bounds the search for a key to evict.
const lookBurst = 64

// makeRoom evicts some keys when the budget is spent: more than the one that
// needs room, so that values that have grown leave too.
func (b *backend[K]) makeRoom() error {
	if b.inMemory() < b.budget {
		return nil
	}
	for evicted, looked := 0, 0; evicted < 2 && looked < min(lookBurst, len(b.resident)); looked++ {
		slot := b.hand
		if b.hand++; int(b.hand) >= len(b.resident) {
			b.hand = 0
		}
		switch r := &b.resident[slot]; {
		case r.name == "" || r.busy || b.store.Pinned(slot):
		case r.used:
			r.used = false
		default:
			if err := b.evict(slot); err != nil {
				return err
			}
			evicted++
		}
	}
	return nil
}

// evict stores a key and drops it from memory. What has not changed is stored
// already.
func (b *backend[K]) evict(slot uint32) error {
	r := &b.resident[slot]
	b.store.ExpireAll(slot)
	if b.store.Unused(slot) {
		return b.forget(slot)
	}
	value, err := b.store.Append(slot, b.value[:0])
	b.value = value
	if err != nil {
		return fmt.Errorf("key %v: %w", r.key, err)
	}
	if sum := xxh3.Hash(value); !r.stored || sum != r.sum {
		if err := b.kv.Set(b.nameOf(r), value); err != nil {
			return fmt.Errorf("the state of key %v cannot be stored: %w", r.key, err)
		}
	}
	b.away++
	b.drop(slot)
	return nil
}

// nameOf is the encoded key of a resident, to be read only.
func (b *backend[K]) nameOf(r *resident[K]) []byte {
	return unsafe.Slice(unsafe.StringData(r.name), len(r.name))
}

// forget removes a key that has no state.
func (b *backend[K]) forget(slot uint32) error {
	if r := &b.resident[slot]; r.stored {
		if err := b.kv.Delete(b.nameOf(r)); err != nil {
			return fmt.Errorf("the state of key %v cannot be removed: %w", r.key, err)
		}
	}
	b.drop(slot)
	return nil
}

func (b *backend[K]) drop(slot uint32) {
	r := &b.resident[slot]
	delete(b.slots, r.name)
	b.text -= int64(len(r.name))
	*r = resident[K]{}
	b.store.Release(slot)
}

// Settle implements state.Backend.
func (b *backend[K]) Settle(_ []K, _ []uint64, slots []uint32) error {
	for _, slot := range slots {
		if r := &b.resident[slot]; r.name != "" {
			r.busy = false
			if b.store.Unused(slot) {
				if err := b.forget(slot); err != nil {
					return err
				}
			}
		}
	}
	if !b.store.Expires() {
		b.credit = 0
		return nil
	}
	if b.credit += sweepChunk; b.credit < sweepBurst {
		return nil
	}
	n := b.credit
	b.credit = 0
	if err := b.expireResident(n); err != nil {
		return err
	}
	return b.expireStored(n)
}

// expireResident looks at n keys in memory from the hand on.
func (b *backend[K]) expireResident(n int) error {
	at := int(b.hand)
	for range min(n, len(b.resident)) {
		if at >= len(b.resident) {
			at = 0
		}
		slot := uint32(at)
		at++
		if b.resident[slot].name == "" {
			continue
		}
		b.store.Expire(slot)
		if b.store.Unused(slot) {
			if err := b.forget(slot); err != nil {
				return err
			}
		}
	}
	if at >= len(b.resident) {
		at = 0
	}
	b.hand = uint32(at)
	return nil
}

// expireStored looks at n keys that are stored, one after the other.
func (b *backend[K]) expireStored(n int) error {
	slot := b.store.Acquire()
	if int(slot) == len(b.resident) {
		b.resident = append(b.resident, resident[K]{})
	}
	defer b.store.Release(slot)
	seen, dead := 0, b.dead[:0]
	var failed error
	err := b.kv.Scan(b.sweep, n, func(key, value []byte) {
		seen++
		b.sweep = append(b.sweep[:0], key...)
		if _, ok := b.slots[string(key)]; ok || failed != nil {
			return // what is in memory counts
		}
		if failed = b.store.Load(slot, value); failed != nil {
			return
		}
		if b.store.ExpireAll(slot); b.store.Unused(slot) {
			dead = append(dead, append([]byte(nil), key...))
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("stored states cannot be searched for expired ones: %w", err)
	}
	if seen < n {
		b.sweep = b.sweep[:0] // from the beginning
	}
	for _, key := range dead {
		if err := b.kv.Delete(key); err != nil {
			return fmt.Errorf("an expired state cannot be removed: %w", err)
		}
		b.away--
	}
	clear(dead)
	b.dead = dead[:0]
	return nil
}

// Recall implements state.Backend.
func (b *backend[K]) Recall(slot uint32, hash uint64) (key K, err error) {
	if int(slot) >= len(b.resident) || b.resident[slot].name == "" {
		return key, fmt.Errorf("no key with hash %#x is in slot %d", hash, slot)
	}
	return b.resident[slot].key, nil
}

// Len implements state.Backend.
func (b *backend[K]) Len() int { return len(b.slots) + b.away }

// Bytes implements state.Backend.
func (b *backend[K]) Bytes() int64 { return b.inMemory() + b.kv.Bytes() }

// inMemory is what the budget is for. A key in the map takes about twice the
// size of its entry.
func (b *backend[K]) inMemory() int64 {
	const entry = 2 * int64(unsafe.Sizeof("")+4)
	return b.store.Bytes() + int64(cap(b.resident))*int64(unsafe.Sizeof(resident[K]{})) + int64(len(b.slots))*entry + b.text
}

// Close implements state.Backend.
func (b *backend[K]) Close() error { return b.kv.Close() }

var _ state.Backend[int] = (*backend[int])(nil)
