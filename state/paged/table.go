package paged

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// table is one of tables. A key is in the index, or stored and counted by away.
// Keys and states have no types here, so that there is one table in a program
// and not one for each pair: typedTable knows the types.
type table struct {
	*tables
	prefix   [prefixSize]byte // of its names in the store of bytes
	index    index
	hand     int // chain of the index
	at       int // place in the list of tables and 1
	away     int
	stored   bool  // something may be in the store of bytes
	numbered bool  // it has a prefix
	bytes    int64 // of its keys in memory, like used

	// Keys that pointers were given out for cannot leave.
	epoch   uint32
	touched []uint32 // of this epoch, if states own memory
	got     uint32   // the slot of the last Get and 1
	visits  []visit

	walk    walk
	version uint64 // counts changes of what a walk relies on
	missing []int
	refs    [selectChunk]uint32
}

// findAll looks keys up, which lie one after the other, and adds those that are
// absent.
func (t *table) findAll(keys unsafe.Pointer, hashes []uint64, out []unsafe.Pointer) {
	t.settle()
	t.makeRoom(0) // states have grown
	for from := 0; from < len(hashes); from += selectChunk {
		to := min(from+selectChunk, len(hashes))
		t.findChunk(t.nth(keys, from), hashes[from:to], out[from:to])
	}
}

func (t *table) findChunk(keys unsafe.Pointer, hashes []uint64, out []unsafe.Pointer) {
	t.index.cover(hashes)
	t.locate(hashes)
	t.missing = t.missing[:0]
	for i, h := range hashes {
		slot, ok := t.find(t.nth(keys, i), h, t.refs[i])
		if !ok {
			t.missing = append(t.missing, i)
			continue
		}
		t.index.use(slot)
		out[i] = t.give(slot)
	}
	if len(t.missing) > 0 {
		t.bring(keys, hashes, out)
	}
}

// locate sets references to the slots where keys with these hashes may be, and
// brings what is looked at next into the cache.
func (t *table) locate(hashes []uint64) {
	t.index.locate(hashes, t.refs[:])
	sum := uint64(0)
	for _, ref := range t.refs[:len(hashes)] {
		if ref != 0 {
			c := t.cells.at(t.index.slot(ref))
			sum += c.hash + uint64(*(*uint8)(t.cells.state(c)))
		}
	}
	t.touch += sum
}

// find looks for a key from a reference of the index on.
func (t *table) find(key unsafe.Pointer, hash uint64, ref uint32) (slot uint32, ok bool) {
	x := &t.index
	for ref = x.seek(ref, top(hash)); ref != 0; ref = x.seek(x.after(ref), top(hash)) {
		slot = x.slot(ref)
		if c := t.cells.at(slot); c.hash == hash && t.equal(t.cells.key(c), key) {
			return slot, true
		}
	}
	return 0, false
}

// resident looks for a key in memory.
func (t *table) resident(key unsafe.Pointer, hash uint64) (slot uint32, ok bool) {
	h := [1]uint64{hash}
	span := t.index.span
	if t.index.cover(h[:]); span != t.index.span {
		t.version++ // all keys have moved in the index
	}
	return t.find(key, hash, t.index.head(top(hash)))
}

// give returns a pointer that stays valid in this epoch.
func (t *table) give(slot uint32) unsafe.Pointer {
	c := t.cells.at(slot)
	if c.epoch != t.epoch {
		c.epoch, c.given = t.epoch, true
		if t.states.Owns() {
			t.touched = append(t.touched, slot)
		}
	}
	return t.cells.state(c)
}

func (t *table) pinned(slot uint32) bool {
	return t.cells.at(slot).epoch == t.epoch || t.got == slot+1
}

// settle ends the use of all pointers given out.
func (t *table) settle() {
	for _, slot := range t.touched {
		t.measure(slot)
	}
	t.touched = t.touched[:0]
	t.epoch++
	t.settleOne()
	t.settleVisits()
}

// settleOne ends the use of what Get has returned.
func (t *table) settleOne() {
	if t.got != 0 && t.states.Owns() {
		t.measure(t.got - 1)
	}
	t.got = 0
}

// measure counts again what a key in memory owns, since its state has changed.
func (t *table) measure(slot uint32) {
	c := t.cells.at(slot)
	n := t.own.owned(t.cells.key(c)) + int64(t.states.Owned(t.cells.state(c)))
	t.used += n - c.owned
	t.bytes += n - c.owned
	c.owned = n
}

// bring makes the missing keys of a chunk resident.
func (t *table) bring(keys unsafe.Pointer, hashes []uint64, out []unsafe.Pointer) {
	t.makeRoom(len(t.missing))
	t.index.reserve(len(t.missing), t.budget-t.used)
	t.wanted.reset()
	for _, i := range t.missing {
		key := t.nth(keys, i)
		slot, ok := t.find(key, hashes[i], t.index.head(top(hashes[i])))
		if !ok {
			if slot = t.admit(key, hashes[i]); t.away > 0 {
				t.want(slot)
			}
		}
		out[i] = t.give(slot)
	}
	if t.wanted.len() > 0 {
		t.read()
	}
}

// admit adds a key with the zero state to those in memory.
func (t *table) admit(key unsafe.Pointer, hash uint64) uint32 {
	slot := t.acquire()
	c := t.cells.at(slot)
	c.hash = hash
	t.assign(t.cells.key(c), key)
	c.owned = t.own.own(t.cells.key(c))
	t.used += t.each + c.owned
	t.bytes += t.each + c.owned
	t.index.add(top(hash), slot)
	t.list(t)
	t.version++
	t.walk.left = unknown
	return slot
}

// get returns the state of a key, nil if it is absent.
func (t *table) get(key unsafe.Pointer, hash uint64) unsafe.Pointer {
	t.settleOne()
	t.settleVisits()
	slot, ok := t.resident(key, hash)
	switch {
	case ok:
		t.index.use(slot)
	case t.away == 0:
		return nil
	default:
		if slot, ok = t.fetch(key, hash); !ok {
			return nil
		}
	}
	t.got = slot + 1
	c := t.cells.at(slot)
	c.given = true
	return t.cells.state(c)
}

// fetch makes a key resident if it is stored.
func (t *table) fetch(key unsafe.Pointer, hash uint64) (slot uint32, ok bool) {
	t.makeRoom(1)
	value, ok := t.load(key, hash)
	if !ok {
		return 0, false
	}
	t.index.reserve(1, t.budget-t.used)
	left := t.walk.left
	slot = t.admit(key, hash)
	t.walk.left = left
	if err := t.fill(slot, value); err != nil {
		t.failed("the state of key %v cannot be read: %w", t.show(key), err)
	}
	t.away--
	t.measure(slot)
	return slot, true
}

// delete removes a key and tells whether it was present.
func (t *table) delete(key unsafe.Pointer, hash uint64) bool {
	t.settle()
	slot, ok := t.resident(key, hash)
	switch {
	case ok:
		if t.cells.at(slot).kept {
			t.remove(key, hash)
		}
		t.drop(slot)
	case t.away == 0:
		return false
	default:
		if _, ok = t.load(key, hash); !ok {
			return false
		}
		t.remove(key, hash)
		t.away--
	}
	t.version++
	t.walk.left = unknown
	return true
}

// drop takes a key from memory.
func (t *table) drop(slot uint32) {
	c := t.cells.at(slot)
	t.used -= t.each + c.owned
	t.bytes -= t.each + c.owned
	t.index.remove(top(c.hash), slot)
	t.release(slot)
	t.version++
}

// evict stores a key and takes it from memory. What has not changed is stored
// already.
func (t *table) evict(slot uint32) {
	c := t.cells.at(slot)
	visited := t.walk.going && c.walk == t.walk.id
	walk := uint32(0)
	if visited {
		walk = c.walk
	}
	row, value := t.row(walk, c)
	if !c.kept || visited || xxh3.Hash(value) != c.sum {
		t.set(c, row)
	}
	t.away++
	t.drop(slot)
}

func (t *table) len() int { return t.index.n + t.away }

// size is the memory that the table holds.
func (t *table) size() int64 {
	return t.bytes - int64(t.index.n)*inHeads + t.index.bytes() + int64(unsafe.Sizeof(*t)) + t.walk.bytes()
}

// clear removes all keys.
func (t *table) clear() {
	for i := range t.visits {
		t.release(t.visits[i].slot)
	}
	t.visits, t.touched, t.got = t.visits[:0], t.touched[:0], 0
	t.epoch++
	for slot := range t.index.all() {
		t.release(slot)
	}
	t.used -= t.bytes
	if t.index.n >= len(t.index.heads)/4 {
		clear(t.index.heads)
		t.index.n = 0
	} else {
		t.index = index{links: t.index.links, high: t.index.high}
	}
	t.bytes, t.hand, t.away = 0, 0, 0
	t.unlist(t)
	t.version++
	t.walk = walk{id: t.walk.id, cursor: t.walk.cursor}
	if t.stored {
		t.removeAll()
		t.stored, t.numbered = false, false
	}
}

// byName sorts the wanted keys of a table by their names.
func (w *wanted) byName() {
	slices.SortFunc(w.items, func(a, b want) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), slices.Compare(w.text[a.start:a.end], w.text[b.start:b.end]))
	})
}
