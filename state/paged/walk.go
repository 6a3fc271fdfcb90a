package paged

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// walk is where a walk over a table stands. It goes over the keys in memory,
// and then over the rows; a key that moves meanwhile takes the number of the
// walk with it.
type walk struct {
	id     uint32
	cursor int // what the next call has to come with
	going  bool
	left   int // keys to be visited, unknown after keys came or went

	inRows  bool
	chain   int // of the index, where the search for keys goes on
	moved   bool
	version uint64   // of the table when slots or rows were read
	slots   []uint32 // keys in memory to be visited
	begin   int      // the chain that the search for slots began at
	after   []byte   // the name of the last row that was looked at
	text    []byte   // names and rows to be looked at
	rows    []row
	row     int  // the next one
	last    bool // there is no row behind them
	size    int  // bytes of the last rows read
}

const unknown = -1

// row is a part of text: a name and what is stored under it.
type row struct{ name, value, end int }

func (w *walk) bytes() int64 { return int64(cap(w.text) + cap(w.slots)*4 + cap(w.rows)*24) }

// visit is a state that was given out from its row: it is in a cell that is
// not in the index.
type visit struct{ slot uint32 }

// settleVisits stores the visited states that have changed.
func (t *table) settleVisits() {
	for _, v := range t.visits {
		c := t.cells.at(v.slot)
		row, value := t.row(0, c)
		if xxh3.Hash(value) != c.sum {
			t.set(c, row)
		}
		t.release(v.slot)
	}
	t.visits = t.visits[:0]
}

// visitEach calls f for the keys from cursor on until it returns false.
func (t *table) visitEach(cursor int, f func(hash uint64, key, s unsafe.Pointer) bool) int {
	t.resume(cursor)
	for {
		slot, ok := t.advance()
		if !ok {
			return t.stop()
		}
		c := t.cells.at(slot)
		more := f(c.hash, t.cells.key(c), t.cells.state(c))
		t.settle()
		if !more {
			return t.pause()
		}
	}
}

// scan copies the keys from cursor on to keys, which has room for as many as
// hashes.
func (t *table) scan(cursor int, keys unsafe.Pointer, hashes []uint64, states []unsafe.Pointer) (n, next int) {
	t.resume(cursor)
	for ; n < len(hashes); n++ {
		slot, ok := t.advance()
		if !ok {
			return n, t.stop()
		}
		c := t.cells.at(slot)
		t.assign(t.nth(keys, n), t.cells.key(c))
		hashes[n], states[n] = c.hash, t.cells.state(c)
	}
	return n, t.pause()
}

// resume begins a walk or goes on with one.
func (t *table) resume(cursor int) {
	t.settle()
	t.number()
	w := &t.walk
	if cursor != 0 {
		if !w.going || cursor != w.cursor {
			panic(fmt.Sprintf("paged: a walk goes on with cursor %d, which is not that of the last call", cursor))
		}
		return
	}
	w.id++
	w.going, w.inRows, w.chain, w.moved, w.last = true, false, 0, false, false
	w.slots, w.after = w.slots[:0], append(w.after[:0], t.prefix[:]...)
	w.rows, w.row = w.rows[:0], 0
	w.left, w.version = t.len(), t.version
}

func (t *table) stop() int {
	t.walk.going = false
	return -1
}

func (t *table) pause() int {
	w := &t.walk
	if w.left == 0 {
		return t.stop()
	}
	w.cursor++
	return w.cursor
}

// advance gives out the next key.
func (t *table) advance() (slot uint32, ok bool) {
	w := &t.walk
	if w.left == 0 {
		return 0, false
	}
	for !w.inRows {
		if slot, ok = t.nextInMemory(); ok {
			t.visited(slot)
			return slot, true
		}
	}
	if slot, ok = t.nextRow(); ok {
		return slot, true
	}
	return 0, false
}

func (t *table) visited(slot uint32) {
	w := &t.walk
	t.cells.at(slot).walk = w.id
	t.give(slot)
	if w.left > 0 {
		w.left--
	}
}

// nextInMemory is the next key in memory that the walk has not come by. When
// keys have moved in the index it is searched again until none is left.
func (t *table) nextInMemory() (slot uint32, ok bool) {
	w := &t.walk
	if w.version != t.version {
		w.version, w.moved, w.chain, w.slots = t.version, true, min(w.begin, w.chain), w.slots[:0]
	}
	if len(w.slots) == 0 {
		t.findSlots()
		if len(w.slots) == 0 {
			if w.chain, w.begin = 0, 0; !w.moved {
				w.inRows = true
			}
			w.moved = false
			return 0, false
		}
	}
	last := len(w.slots) - 1
	slot = w.slots[last]
	w.slots = w.slots[:last]
	return slot, true
}

// findSlots collects some keys in memory from the chain on.
func (t *table) findSlots() {
	w := &t.walk
	for w.begin = w.chain; w.chain < len(t.index.heads) && len(w.slots) < selectChunk; w.chain++ {
		for slot := range t.index.chain(w.chain) {
			if t.cells.at(slot).walk != w.id {
				w.slots = append(w.slots, slot)
			}
		}
	}
}

// nextRow gives out the next key that has a row, from memory if it is there.
func (t *table) nextRow() (slot uint32, ok bool) {
	w := &t.walk
	for {
		if w.version != t.version { // rows may be older than what is stored
			w.version, w.rows, w.row, w.last = t.version, w.rows[:0], 0, false
		}
		if w.row == len(w.rows) {
			if w.last || !t.stored {
				return 0, false
			}
			t.readRows()
			continue
		}
		r := w.rows[w.row]
		w.row++
		name, value := w.text[r.name:r.value], w.text[r.value:r.end]
		w.after = append(w.after[:0], name...)
		if slot, ok = t.meet(name, value); ok {
			return slot, true
		}
	}
}

// meet gives out the key of a row unless the walk has come by.
func (t *table) meet(name, value []byte) (slot uint32, ok bool) {
	hash := binary.BigEndian.Uint64(name[prefixSize:])
	own := t.acquire() // for the key, and for the state unless it is in memory
	c := t.cells.at(own)
	key := t.cells.key(c)
	if rest, err := t.keys.Load(name[prefixSize+hashSize:], key); err != nil || len(rest) > 0 {
		t.failed("a stored key cannot be read: %w", errCut)
	}
	w := &t.walk
	if slot, ok = t.resident(key, hash); ok {
		t.release(own)
		if t.cells.at(slot).walk == w.id {
			return 0, false
		}
		t.visited(slot)
		return slot, true
	}
	if walk, _ := binary.Uvarint(value); uint32(walk) == w.id {
		t.release(own)
		return 0, false
	}
	slot = own
	c.hash = hash
	if err := t.fill(slot, value); err != nil {
		t.failed("the state of key %v cannot be read: %w", t.show(key), err)
	}
	t.visits = append(t.visits, visit{slot})
	if w.left > 0 {
		w.left--
	}
	return slot, true
}

// readBytes is about how many bytes of rows are read at a time.
const readBytes = 256 << 10

func (t *table) readRows() {
	w := &t.walk
	n := 64
	if w.size > 0 {
		n = min(max(readBytes/w.size, 1), 1024)
	}
	w.text, w.rows, w.row = w.text[:0], w.rows[:0], 0
	seen := 0
	err := t.kv.Scan(w.after, n, func(key, value []byte) {
		seen++
		if w.last = w.last || !bytes.HasPrefix(key, t.prefix[:]); w.last {
			return
		}
		at := len(w.text)
		w.text = append(append(w.text, key...), value...)
		w.rows = append(w.rows, row{at, at + len(key), len(w.text)})
	})
	if err != nil {
		t.failed("stored states cannot be read: %w", err)
	}
	w.last = w.last || seen < n
	w.size = len(w.text) / max(len(w.rows), 1)
}
