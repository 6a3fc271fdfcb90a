package paged

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// How much of what is stored is searched for expired states: two keys for each
// new one and a few for each chunk, in bursts, since a scan has a price.
const (
	sweepChunk  = 8
	sweepForNew = 2
	sweepBurst  = 256
)

// expire removes some expired states when enough keys have come by.
func (b *backend[K]) expire() error {
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

// expireResident looks at about n keys in memory, whole chains.
func (b *backend[K]) expireResident(n int) error {
	x := &b.index
	for chains := len(x.heads); n > 0 && chains > 0; chains-- {
		if b.look >= len(x.heads) {
			b.look = 0
		}
		for slot := range x.chain(b.look) {
			n--
			b.store.Expire(slot)
			if !b.store.Unused(slot) {
				continue
			}
			if err := b.forget(slot, x.high(slot)); err != nil {
				return err
			}
		}
		b.look++
	}
	return nil
}

// expireStored looks at n keys that are stored, one after the other.
func (b *backend[K]) expireStored(n int) error {
	slot := b.acquire()
	defer b.store.Release(slot)
	seen, dead := 0, b.dead[:0]
	var failed error
	err := b.kv.Scan(b.sweep, n, func(key, value []byte) {
		seen++
		b.sweep = append(b.sweep[:0], key...)
		if failed != nil || b.isResident(key) {
			return // what is in memory counts
		}
		if failed = b.store.Load(slot, value); failed != nil {
			return
		}
		if b.store.ExpireAll(slot); b.store.Unused(slot) {
			dead = append(dead, bytes.Clone(key))
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

// isResident tells whether the key with this name is in memory.
func (b *backend[K]) isResident(name []byte) bool {
	x, h := &b.index, binary.BigEndian.Uint32(name)
	if !x.covers(h) {
		return false
	}
	for ref := x.seek(x.head(h), h); ref != 0; ref = x.seek(x.after(ref), h) {
		own, err := b.names.append(b.key[:0], b.keys.at(x.slot(ref)), h)
		if b.key = own; err == nil && bytes.Equal(own, name) {
			return true
		}
	}
	return false
}
