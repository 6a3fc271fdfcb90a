package paged

import "iter"

// index finds slots by hash. It is a row of chains in which the place of a hash is
// proportional to it: a walk from chain to chain meets the keys nearly in the order
// of their hashes, which is that of their names. In front of a hand that evicts in
// this order there are up to e times as many keys as in the mean, so chains may be
// long there; in an open table searches would go over half of it.
//
// The links of chains are by slot, so that several indexes can have them together.
type index struct {
	links *slab[link]
	heads []uint32 // the first slot of each chain and 1; 0 is none
	n     int
	low   uint32 // hashes are in [low, low+span), by their high halves
	span  uint64
	scale uint64 // chains for each hash, times 1<<32
}

// link is, for a slot in an index, the high half of the hash, a mark, and the next
// slot of the chain and 1.
type link uint64

const (
	marked   = 1 << 31
	slotMask = marked - 1

	linkSize   = 8
	smallest   = 16 // chains
	perChain   = 2  // keys, in the mean, at most
	longChain  = 8  // likewise, where there is no room
	groupShift = 25 // of the key group in the high half of a hash
)

// top is the part of a hash that the index knows.
func top(hash uint64) uint32 { return uint32(hash >> 32) }

func (l link) top() uint32    { return uint32(l >> 32) }
func (l link) next() uint32   { return uint32(l) & slotMask }
func (l link) isMarked() bool { return l&marked != 0 }

// home is the chain of a hash.
func (x *index) home(top uint32) int {
	return int(uint64(top-x.low) * x.scale >> 32)
}

// cover makes room for the key groups of hashes: a subtask has a range of them,
// over which the chains are spread.
func (x *index) cover(hashes []uint64) {
	low, high := x.low, uint32(uint64(x.low)+x.span-1)
	if x.span == 0 {
		low, high = ^uint32(0), 0
	}
	for _, h := range hashes {
		low, high = min(low, top(h)), max(high, top(h))
	}
	const rest = 1<<groupShift - 1
	low, high = low&^rest, high|rest
	if span := uint64(high-low) + 1; span != x.span || low != x.low {
		x.low, x.span = low, span
		x.resize(max(len(x.heads), smallest))
	}
}

// covers tells whether there is a place for a hash.
func (x *index) covers(top uint32) bool { return top >= x.low && uint64(top-x.low) < x.span }

// reserve makes chains for n more entries, if they take no more bytes than room
// says or if those there are have become long.
func (x *index) reserve(n int, room int64) {
	size := len(x.heads)
	for x.n+n > size*perChain {
		size *= 2
	}
	if more := int64(size-len(x.heads)) * 4; more > 0 && (more <= room || x.n+n > len(x.heads)*longChain) {
		x.resize(size)
	}
}

func (x *index) resize(size int) {
	old := x.heads
	x.heads = make([]uint32, size)
	x.scale = uint64(size) << 32 / x.span
	for _, ref := range old {
		for ref != 0 {
			l := x.links.at(ref - 1)
			slot := ref - 1
			ref = l.next()
			x.put(slot, l)
		}
	}
}

// put makes a slot the first of its chain; all but the next slot is set.
func (x *index) put(slot uint32, l *link) {
	head := &x.heads[x.home(l.top())]
	*l = *l&^slotMask | link(*head)
	*head = slot + 1
}

// add adds an entry, marked; there must be room.
func (x *index) add(top, slot uint32) {
	l := x.links.at(slot)
	*l = link(top)<<32 | marked
	x.put(slot, l)
	x.n++
}

// head refers to where the search for a hash begins, for seek.
func (x *index) head(top uint32) uint32 { return x.heads[x.home(top)] }

// after is the next slot with a hash behind one that has it too.
func (x *index) after(slot, top uint32) (next uint32, ok bool) {
	return x.seek(x.links.at(slot).next(), top)
}

// seek is the first slot with a hash from a reference on, which is a slot and 1, or
// 0 for none.
func (x *index) seek(ref, top uint32) (slot uint32, ok bool) {
	for ref != 0 {
		l := *x.links.at(ref - 1)
		if l.top() == top {
			return ref - 1, true
		}
		ref = l.next()
	}
	return 0, false
}

// use marks a slot.
func (x *index) use(slot uint32) { *x.links.at(slot) |= marked }

// locate sets refs to references to the first slots with hashes, 0 if there are
// none. What it looks at is loaded for all of them at a time.
func (x *index) locate(hashes []uint64, refs []uint32) (sum uint64) {
	refs = refs[:len(hashes)]
	for i, h := range hashes {
		refs[i] = x.heads[x.home(top(h))]
	}
	for _, ref := range refs {
		if ref != 0 {
			sum += uint64(*x.links.at(ref - 1))
		}
	}
	for i, h := range hashes {
		if slot, ok := x.seek(refs[i], top(h)); ok {
			refs[i] = slot + 1
		} else {
			refs[i] = 0
		}
	}
	return sum
}

// remove removes the entry of a slot.
func (x *index) remove(top, slot uint32) {
	gone := x.links.at(slot)
	head := &x.heads[x.home(top)]
	if *head == slot+1 {
		*head = gone.next()
	} else {
		before := x.links.at(*head - 1)
		for before.next() != slot+1 {
			before = x.links.at(before.next() - 1)
		}
		*before = *before&^slotMask | link(gone.next())
	}
	x.n--
}

// chain yields the slots of a chain, which may be removed then, and their hashes.
func (x *index) chain(i int) iter.Seq2[uint32, uint32] {
	return func(yield func(slot, top uint32) bool) {
		for ref := x.heads[i]; ref != 0; {
			slot, l := ref-1, *x.links.at(ref - 1)
			ref = l.next()
			if !yield(slot, l.top()) {
				return
			}
		}
	}
}

// all yields all slots and their hashes.
func (x *index) all() iter.Seq2[uint32, uint32] {
	return func(yield func(slot, top uint32) bool) {
		for i := range x.heads {
			for slot, top := range x.chain(i) {
				if !yield(slot, top) {
					return
				}
			}
		}
	}
}

// next is the chain behind one.
func (x *index) next(at int) int {
	if at++; at == len(x.heads) {
		return 0
	}
	return at
}

// bytes is the memory of an index, that of links aside.
func (x *index) bytes() int64 { return int64(cap(x.heads)) * 4 }
