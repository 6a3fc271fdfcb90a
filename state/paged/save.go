package paged

import (
	"fmt"

	"github.com/zeebo/xxh3"
)

// save stores the states of a key in memory. One that has none is not stored: it
// is here for timers, which bring it back.
func (b *backend[K]) save(slot, top uint32) error {
	f := b.flags.at(slot)
	if b.store.Empty(slot) {
		if *f&stored == 0 {
			return nil
		}
		name, err := b.names.append(b.key[:0], b.keys.at(slot), top)
		if b.key = name; err == nil {
			err = b.kv.Delete(name)
		}
		if err != nil {
			return fmt.Errorf("the state of key %v cannot be removed: %w", *b.keys.at(slot), err)
		}
		*f &^= stored
		return nil
	}
	value, err := b.store.Append(slot, b.value[:0])
	b.value = value
	if err != nil {
		return fmt.Errorf("key %v: %w", *b.keys.at(slot), err)
	}
	if b.same(slot, value) {
		return nil
	}
	if err := b.put(slot, top, value); err != nil {
		return err
	}
	*f |= stored
	b.remember(slot, value)
	return nil
}

// changed tells whether the states of a key in memory may differ from what is
// stored.
func (b *backend[K]) changed(slot uint32) bool {
	if b.store.Exact() {
		return b.store.Changed(slot)
	}
	return *b.flags.at(slot)&touched != 0
}

// same tells whether encoded states are known to be what is stored. It is not
// needed where changes are seen.
func (b *backend[K]) same(slot uint32, value []byte) bool {
	return !b.store.Exact() && *b.flags.at(slot)&stored != 0 && xxh3.Hash(value) == *b.sums.at(slot)
}

// remember notes what is stored for a key.
func (b *backend[K]) remember(slot uint32, value []byte) {
	if !b.store.Exact() {
		*b.sums.at(slot) = xxh3.Hash(value)
	}
}

// put writes the encoded states of a key.
func (b *backend[K]) put(slot, top uint32, value []byte) error {
	name, err := b.names.append(b.key[:0], b.keys.at(slot), top)
	if b.key = name; err == nil {
		err = b.kv.Set(name, value)
	}
	if err != nil {
		return fmt.Errorf("the state of key %v cannot be stored: %w", *b.keys.at(slot), err)
	}
	return nil
}
