package paged

// How far the hand goes at most: over so many keys for each that needs room, and
// over so many chains for each key.
const (
	lookBurst = 64
	looseness = 16
)

// abreast is how many chains are walked together, so that what each step waits for
// is loaded together.
const abreast = 8

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
	b.chosen = b.chosen[:0]
	if b.hand >= len(x.heads) {
		b.hand = 0
	}
	for chains := min(most*looseness, len(x.heads)); chains > 0 && looked < most && len(b.chosen) < n; {
		var refs [abreast]uint32
		open := refs[:0]
		for range min(abreast, chains) {
			if ref := x.heads[b.hand]; ref != 0 {
				open = append(open, ref)
			}
			b.hand = x.nextChain(b.hand)
			chains--
		}
		for len(open) > 0 {
			looked += len(open)
			open = b.step(open)
		}
	}
	return looked
}

// step looks at the slots of references, and returns those to the next ones of their
// chains in the same place.
func (b *backend[K]) step(refs []uint32) (next []uint32) {
	x := &b.index
	next = refs[:0]
	for _, ref := range refs {
		slot := x.slot(ref)
		l := x.links.at(slot)
		if l.isMarked() {
			*l &^= marked
		} else {
			b.chosen = append(b.chosen, slot)
		}
		if ref = l.next(); ref != 0 {
			next = append(next, ref)
		}
	}
	return next
}

// evictChosen evicts the chosen keys that are not needed.
func (b *backend[K]) evictChosen() (n int, err error) {
	sum := uint64(0)
	for _, slot := range b.chosen {
		sum += uint64(*b.flags.at(slot)) + b.warmKey(slot)
	}
	b.touch += sum
	b.store.Warm(b.chosen)
	for _, slot := range b.chosen {
		if *b.flags.at(slot)&busy != 0 || b.store.Pinned(slot) {
			continue
		}
		if err := b.evict(slot, b.index.high(slot)); err != nil {
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
