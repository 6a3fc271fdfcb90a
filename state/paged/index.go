package paged

import (
	"iter"
	"math/bits"
)

// index finds slots by hash. It is a row of chains in which the place of a hash is
// proportional to it: a walk from chain to chain meets the keys nearly in the order
// of their hashes, which is that of their names. In front of a hand that evicts in
// this order there are up to e times as many keys as in the mean, so chains may be
// long there; in an open table searches would go over half of it.
//
// The links of chains are by slot, so that several indexes can have them together.
// Hashes are not kept here, since most can be had from what the slots hold: a
// reference to a slot has as many bits of the hash as it has room for, and who
// searches has to look only at slots where these are right.
type index struct {
	links *slab[link]
	high  func(slot uint32) uint32 // the high half of the hash of the key in a slot
	heads []uint32                 // references to the first slot of each chain
	n     int
	width uint8  // bits of a reference that are the slot
	low   uint32 // hashes are in [low, low+span), by their high halves
	span  uint64
	scale uint64 // chains for each hash, times 1<<32
}

// link is, for a slot in an index, a mark and a reference to the next slot of the
// chain. A reference is a slot and 1, and above that low bits of the high half of
// its hash; 0 is none.
type link uint32

const (
	marked  = 1 << 31
	refMask = marked - 1

	linkSize   = 4
	smallest   = 16 // chains
	perChain   = 4  // keys, in the mean, at most
	longChain  = 8  // likewise, where there is no room
	groupShift = 25 // of the key group in the high half of a hash
)

// top is the part of a hash that the index knows.
func top(hash uint64) uint32 { return uint32(hash >> 32) }

func (l link) next() uint32   { return uint32(l) & refMask }
func (l link) isMarked() bool { return l&marked != 0 }

// reference makes a reference to a slot.
func (x *index) reference(top, slot uint32) uint32 { return top<<x.width&refMask | (slot + 1) }

// slot is where a reference leads to.
func (x *index) slot(ref uint32) uint32 { return ref&(1<<x.width-1) - 1 }

// after is the reference to the next slot of a chain.
func (x *index) after(ref uint32) uint32 { return x.links.at(x.slot(ref)).next() }

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

func (x *index) resize(size int) { x.arrange(size, x.width) }

// arrange makes all references again.
func (x *index) arrange(size int, width uint8) {
	old, was := x.heads, *x
	x.heads, x.width = make([]uint32, size), width
	x.scale = uint64(size) << 32 / x.span
	for _, ref := range old {
		for ref != 0 {
			slot := was.slot(ref)
			ref = was.after(ref)
			x.put(x.high(slot), slot)
		}
	}
}

// put makes a slot the first of its chain.
func (x *index) put(top, slot uint32) {
	l, head := x.links.at(slot), &x.heads[x.home(top)]
	*l = *l&^refMask | link(*head)
	*head = x.reference(top, slot)
}

// add adds an entry, marked; there must be room, and the key in its slot.
func (x *index) add(top, slot uint32) {
	if width := uint8(bits.Len32(slot + 1)); width > x.width {
		x.arrange(len(x.heads), width)
	}
	*x.links.at(slot) = marked
	x.put(top, slot)
	x.n++
}

// head refers to where the search for a hash begins, for seek.
func (x *index) head(top uint32) uint32 { return x.heads[x.home(top)] }

// seek is the first reference to a slot that may have a hash from one on.
func (x *index) seek(ref, top uint32) uint32 {
	for ref != 0 && x.differs(ref, top) {
		ref = x.after(ref)
	}
	return ref
}

// differs tells that a reference is to a slot with another hash.
func (x *index) differs(ref, top uint32) bool { return (ref^top<<x.width)&refMask>>x.width != 0 }

// use marks a slot.
func (x *index) use(slot uint32) { *x.links.at(slot) |= marked }

// locate sets refs to references to the first slots that may have hashes, of which
// there are selectChunk at most. It goes over all chains a step at a time, so that what these
// steps wait for is loaded together.
func (x *index) locate(hashes []uint64, refs []uint32) {
	refs = refs[:len(hashes)]
	for i, h := range hashes {
		refs[i] = x.head(top(h))
	}
	var all [selectChunk]uint8
	n := 0
	for i, ref := range refs {
		all[n] = uint8(i)
		if ref != 0 && x.differs(ref, top(hashes[i])) {
			n++
		}
	}
	for n > 0 {
		open := all[:n]
		n = 0
		for _, i := range open {
			ref := x.after(refs[i])
			refs[i] = ref
			all[n] = i
			if ref != 0 && x.differs(ref, top(hashes[i])) {
				n++
			}
		}
	}
}

// remove removes the entry of a slot.
func (x *index) remove(top, slot uint32) {
	ref, next := x.reference(top, slot), x.links.at(slot).next()
	head := &x.heads[x.home(top)]
	if *head == ref {
		*head = next
	} else {
		before := *head
		for x.after(before) != ref {
			before = x.after(before)
		}
		l := x.links.at(x.slot(before))
		*l = *l&^refMask | link(next)
	}
	x.n--
}

// chain yields the slots of a chain, which may be removed then.
func (x *index) chain(i int) iter.Seq[uint32] {
	return func(yield func(slot uint32) bool) {
		for ref := x.heads[i]; ref != 0; {
			slot := x.slot(ref)
			ref = x.after(ref)
			if !yield(slot) {
				return
			}
		}
	}
}

// all yields all slots.
func (x *index) all() iter.Seq[uint32] {
	return func(yield func(slot uint32) bool) {
		for i := range x.heads {
			for slot := range x.chain(i) {
				if !yield(slot) {
					return
				}
			}
		}
	}
}

// nextChain is the one behind a chain.
func (x *index) nextChain(at int) int {
	if at++; at == len(x.heads) {
		return 0
	}
	return at
}

// bytes is the memory of an index, that of links aside.
func (x *index) bytes() int64 { return int64(cap(x.heads)) * 4 }
