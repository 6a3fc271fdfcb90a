package paged

// How far the hand goes at most: over so many keys for each that needs room, and
// over so many chains for each key.
const (
	lookBurst = 64
	looseness = 16
)

// makeRoom evicts keys when the budget is spent, so that n others find slots;
// more than that while values that have grown take more than the budget.
func (b *backend[K]) makeRoom(n int) error {
	held := b.inMemory()
	if held < b.budget {
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

// choose moves the hand over about most keys, whole chains, and collects about n
// that were not used since it passed. It goes round at most once.
func (b *backend[K]) choose(n, most int) (looked int) {
	x := &b.index
	b.victims, b.chosen = b.victims[:0], b.chosen[:0]
	if b.hand >= len(x.heads) {
		b.hand = 0
	}
	for chains := min(most*looseness, len(x.heads)); chains > 0 && looked < most && len(b.chosen) < n; chains-- {
		for ref := x.heads[b.hand]; ref != 0; {
			l := x.links.at(ref - 1)
			looked++
			if l.isMarked() {
				*l &^= marked
			} else {
				b.victims = append(b.victims, l.top())
				b.chosen = append(b.chosen, ref-1)
			}
			ref = l.next()
		}
		b.hand = x.next(b.hand)
	}
	return looked
}

// evictChosen evicts the chosen keys that are not needed.
func (b *backend[K]) evictChosen() (n int, err error) {
	sum := uint64(0)
	for _, slot := range b.chosen {
		sum += uint64(*b.flags.at(slot)) + b.warmKey(slot)
	}
	b.touch += sum
	b.store.Warm(b.chosen)
	for i, slot := range b.chosen {
		if *b.flags.at(slot)&busy != 0 || b.store.Pinned(slot) {
			continue
		}
		if err := b.evict(slot, b.victims[i]); err != nil {
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
	if b.changed(slot) {
		if err := b.save(slot, top); err != nil {
			return err
		}
	}
	b.away++
	b.drop(slot, top)
	return nil
}
