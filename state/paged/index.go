package paged

// index finds slots by hash. It is an open-addressing table in which the place
// of a key is proportional to its hash: a walk meets the keys nearly in the
// order of their hashes, which is that of their names. There are more keys in
// front of a hand that evicts in this order than behind it, up to twice as many:
// so no more than half of the table is used, or its fullest part would be full.
//
// A cell is the high half of the hash, a mark, and the slot and 1; 0 is empty.
type index struct {
	cells []uint64
	n     int
	low   uint32 // hashes are in [low, low+span), by their high halves
	span  uint64
	scale uint64 // cells for each hash, times 1<<32
}

const (
	marked   = 1 << 31
	slotMask = marked - 1

	smallest   = 32      // cells
	doubled    = 1 << 10 // below, the size is doubled; then it grows by an eighth
	groupShift = 25      // of the key group in the high half of a hash
)

// top is the part of a hash that the index knows.
func top(hash uint64) uint32 { return uint32(hash >> 32) }

func topOf(cell uint64) uint32  { return uint32(cell >> 32) }
func slotOf(cell uint64) uint32 { return uint32(cell)&slotMask - 1 }

// home is where the search for a hash begins.
func (x *index) home(top uint32) int {
	return int(uint64(top-x.low) * x.scale >> 32)
}

// cover makes room for the key groups of hashes: a subtask has a range of them,
// over which the table is spread.
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
		x.resize(max(len(x.cells), smallest))
	}
}

// covers tells whether there is a place for a hash.
func (x *index) covers(top uint32) bool { return top >= x.low && uint64(top-x.low) < x.span }

// reserve makes room for n more entries.
func (x *index) reserve(n int) {
	if size := x.sizeFor(n); size > len(x.cells) {
		x.resize(size)
	}
}

// growth is how many bytes reserve would add.
func (x *index) growth(n int) int64 { return int64(x.sizeFor(n)-len(x.cells)) * 8 }

func (x *index) sizeFor(n int) int {
	size := max(len(x.cells), smallest)
	for x.n+n > size/2 {
		if size < doubled {
			size *= 2
		} else {
			size += size / 8
		}
	}
	return size
}

func (x *index) resize(size int) {
	old := x.cells
	x.cells = make([]uint64, size)
	x.scale = uint64(size) << 32 / x.span
	for _, c := range old {
		if c != 0 {
			x.put(c)
		}
	}
}

func (x *index) next(at int) int {
	if at++; at == len(x.cells) {
		return 0
	}
	return at
}

func (x *index) put(cell uint64) {
	at := x.home(topOf(cell))
	for x.cells[at] != 0 {
		at = x.next(at)
	}
	x.cells[at] = cell
}

// add adds an entry, marked; there must be room.
func (x *index) add(top, slot uint32) {
	x.put(uint64(top)<<32 | marked | uint64(slot+1))
	x.n++
}

// seek is the first place from at on with this hash; ok is false when there
// is none.
func (x *index) seek(at int, top uint32) (place int, ok bool) {
	for {
		switch c := x.cells[at]; {
		case c == 0:
			return at, false
		case topOf(c) == top:
			return at, true
		}
		at = x.next(at)
	}
}

// remove removes the entry of a slot and moves those behind it back, so that
// no search meets a gap.
func (x *index) remove(top, slot uint32) {
	hole := x.home(top)
	for slotOf(x.cells[hole]) != slot || x.cells[hole] == 0 {
		hole = x.next(hole)
	}
	for at := x.next(hole); x.cells[at] != 0; at = x.next(at) {
		if x.distance(x.home(topOf(x.cells[at])), at) >= x.distance(hole, at) { // its search passes the hole
			x.cells[hole] = x.cells[at]
			hole = at
		}
	}
	x.cells[hole] = 0
	x.n--
}

// distance is how many cells a search makes from one place to another.
func (x *index) distance(from, to int) int {
	if from <= to {
		return to - from
	}
	return to - from + len(x.cells)
}

func (x *index) bytes() int64 { return int64(cap(x.cells)) * 8 }
