package paged

import (
	"fmt"

	"github.com/zeebo/xxh3"
)

// How far the hand goes at most: over so many keys for each that needs room, and
// over so many cells for each key.
const (
	lookBurst = 64
	looseness = 16
)

// makeRoom evicts keys when the budget is spent, so that n others find slots;
// more than that while values that have grown take more than the budget.
func (b *backend[K]) makeRoom(n int) error {
	held := b.inMemory()
	if held+b.index.growth(n) < b.budget {
		return nil
	}
	need := n - (b.slots - b.index.n)
	if held > b.usual+b.budget/64 {
		need = 2 * n
	}
	for looks := n * lookBurst; need > 0 && looks > 0; {
		looked := b.choose(need, looks)
		n, err := b.evictChosen()
		if err != nil {
			return err
		}
		if looked == 0 {
			break
		}
		need, looks = need-n, looks-looked
	}
	return nil
}

// choose moves the hand over at most most keys and collects at most n that
// were not used since it passed, without a look at the slots. It goes round at
// most once.
func (b *backend[K]) choose(n, most int) (looked int) {
	x := &b.index
	b.victims, b.chosen = b.victims[:0], b.chosen[:0]
	if b.hand >= len(x.cells) {
		b.hand = 0
	}
	for cells := min(most*looseness, len(x.cells)); cells > 0 && looked < most && len(b.victims) < n; cells-- {
		c := &x.cells[b.hand]
		b.hand = x.next(b.hand)
		if *c == 0 {
			continue
		}
		looked++
		if *c&marked != 0 {
			*c &^= marked
			continue
		}
		b.victims = append(b.victims, *c)
		b.chosen = append(b.chosen, slotOf(*c))
	}
	return looked
}

// evictChosen evicts the chosen keys that are not needed.
func (b *backend[K]) evictChosen() (n int, err error) {
	sum := uint64(0)
	for _, slot := range b.chosen {
		sum += uint64(*b.flags.at(slot)) + *b.sums.at(slot) + b.warmKey(slot)
	}
	b.touch += sum
	b.store.Warm(b.chosen)
	for i, slot := range b.chosen {
		if *b.flags.at(slot)&busy != 0 || b.store.Pinned(slot) {
			continue
		}
		if err := b.evict(slot, topOf(b.victims[i])); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// evict stores a key and drops it from memory. What has not changed is stored
// already.
func (b *backend[K]) evict(slot, top uint32) error {
	b.store.ExpireAll(slot)
	if b.store.Unused(slot) {
		return b.forget(slot, top)
	}
	value, err := b.store.Append(slot, b.value[:0])
	b.value = value
	if err != nil {
		return fmt.Errorf("key %v: %w", *b.keys.at(slot), err)
	}
	if *b.flags.at(slot)&stored == 0 || xxh3.Hash(value) != *b.sums.at(slot) {
		if err := b.put(slot, top, value); err != nil {
			return err
		}
	}
	b.away++
	b.drop(slot, top)
	return nil
}
