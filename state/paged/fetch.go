package paged

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"
)

// fetch is a set of keys to be read.
type fetch struct {
	text  []byte // the names
	items []item
	names [][]byte
	take  func(i int, value []byte) error
}

// item is a key that is resident by now, without its state.
type item struct {
	first      uint64 // 8 bytes of the name
	start, end int
	slot       uint32
}

// bring makes the missing keys of a chunk resident.
func (b *backend[K]) bring(keys []K, hashes []uint64, slots []uint32) error {
	if err := b.makeRoom(len(b.missing)); err != nil {
		return err
	}
	b.index.reserve(len(b.missing), b.budget-b.inMemory())
	before := b.slots
	w := &b.wanted
	w.text, w.items = w.text[:0], w.items[:0]
	for _, i := range b.missing {
		key, h := &keys[i], top(hashes[i])
		slot, ok := b.find(key, h, b.index.head(h))
		if !ok {
			start := len(w.text)
			var err error
			if w.text, err = b.names.append(w.text, key, h); err != nil {
				return fmt.Errorf("key %v cannot be encoded: %w", *key, err)
			}
			slot = b.admit(key, h)
			w.items = append(w.items, item{start: start, end: len(w.text), slot: slot})
		}
		slots[i] = slot
	}
	if err := b.read(); err != nil {
		return err
	}
	if b.slots > before {
		b.usual = max(b.budget, b.inMemory())
	}
	return nil
}

// admit makes a key resident, without a state.
func (b *backend[K]) admit(key *K, top uint32) uint32 {
	slot := b.acquire()
	k := b.keys.at(slot)
	*k = *key
	b.text += b.names.strings.own(unsafe.Pointer(k))
	*b.flags.at(slot) = live | busy | touched
	if b.names.hash != nil && b.hashed(slot) != top {
		b.keepHashes()
	}
	if b.names.hash == nil {
		*b.tops.at(slot) = top
	}
	b.index.add(top, slot)
	return slot
}

// read loads the states of the wanted keys that have been stored.
func (b *backend[K]) read() error {
	w := &b.wanted
	if b.away == 0 {
		b.credit += sweepForNew * len(w.items)
		return nil
	}
	for i := range w.items {
		it := &w.items[i]
		it.first = prefix(w.text[it.start:it.end])
	}
	slices.SortFunc(w.items, func(a, b item) int {
		if c := cmp.Compare(a.first, b.first); c != 0 {
			return c
		}
		return bytes.Compare(w.text[a.start:a.end], w.text[b.start:b.end])
	})
	w.names = w.names[:0]
	for _, it := range w.items {
		w.names = append(w.names, w.text[it.start:it.end])
	}
	before := b.away
	if err := b.get(); err != nil {
		return err
	}
	b.credit += sweepForNew * (len(w.items) - (before - b.away))
	return nil
}

// get calls take for every wanted key that is stored.
func (b *backend[K]) get() error {
	w := &b.wanted
	if b.sorted != nil {
		if err := b.sorted.GetSorted(w.names, w.take); err != nil {
			return fmt.Errorf("the states of %d keys cannot be read: %w", len(w.names), err)
		}
		return nil
	}
	for i, name := range w.names {
		value, ok, err := b.kv.Get(name, b.value[:0])
		b.value = value
		if err == nil && ok {
			err = b.take(i, value)
		}
		if err != nil {
			return fmt.Errorf("the state of key %v cannot be read: %w", *b.keys.at(w.items[i].slot), err)
		}
	}
	return nil
}

// take loads the state of a wanted key.
func (b *backend[K]) take(i int, value []byte) error {
	slot := b.wanted.items[i].slot
	*b.flags.at(slot) |= stored
	b.remember(slot, value)
	b.away--
	if err := b.store.Load(slot, value); err != nil {
		return fmt.Errorf("key %v: %w", *b.keys.at(slot), err)
	}
	b.store.Saved(slot)
	return nil
}

// prefix is the first 8 bytes of a name as a number, in the order of names.
func prefix(name []byte) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64(name)
	}
	var p [8]byte
	copy(p[:], name)
	return binary.BigEndian.Uint64(p[:])
}

// warmKey loads the first byte of a key.
func (b *backend[K]) warmKey(slot uint32) uint64 {
	if unsafe.Sizeof(*new(K)) == 0 {
		return 0
	}
	return uint64(*(*uint8)(unsafe.Pointer(b.keys.at(slot))))
}
