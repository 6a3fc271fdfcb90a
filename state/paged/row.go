package paged

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// prefixSize is the number of a table, which begins the names of its keys. The
// hash and the key follow.
const prefixSize = 8

const hashSize = 8

var errCut = errors.New("the stored state ends too early")

// number gives the table names that no other has had, when it first needs some:
// a table that has not been used is not in the way of those that are restored.
func (t *table) number() {
	if t.numbered {
		return
	}
	binary.BigEndian.PutUint64(t.prefix[:], t.next)
	t.numbered = true
	t.next++
}

// appendName adds the name of a key.
func (t *table) appendName(dst []byte, key unsafe.Pointer, hash uint64) []byte {
	t.number()
	dst = binary.BigEndian.AppendUint64(append(dst, t.prefix[:]...), hash)
	dst, err := t.keys.Append(dst, key)
	if err != nil {
		t.failed("key %v cannot be stored: %w", t.show(key), err)
	}
	return dst
}

// nameOf is the name of a key, valid until the next name.
func (t *table) nameOf(key unsafe.Pointer, hash uint64) []byte {
	t.name = t.appendName(t.name[:0], key, hash)
	return t.name
}

// row encodes a state behind the number of the walk that has visited it, valid
// until the next one.
func (t *table) row(walk uint32, c *cell) (row, value []byte) {
	row = binary.AppendUvarint(t.value[:0], uint64(walk))
	at := len(row)
	row, err := t.states.Append(row, t.cells.state(c))
	t.value = row
	if err != nil {
		t.failed("the state of key %v cannot be stored: %w", t.show(t.cells.key(c)), err)
	}
	return row, row[at:]
}

// set stores the row of a key.
func (t *table) set(c *cell, row []byte) {
	if err := t.kv.Set(t.nameOf(t.cells.key(c), c.hash), row); err != nil {
		t.failed("the state of key %v cannot be stored: %w", t.show(t.cells.key(c)), err)
	}
	t.stored = true
}

// fill decodes a row into a cell with the zero state.
func (t *table) fill(slot uint32, row []byte) error {
	c := t.cells.at(slot)
	walk, n := binary.Uvarint(row)
	if n <= 0 {
		return errCut
	}
	c.walk, c.kept, c.sum = uint32(walk), true, xxh3.Hash(row[n:])
	rest, err := t.states.Load(row[n:], t.cells.state(c))
	if err == nil && len(rest) > 0 {
		return errCut
	}
	return err
}

// load reads the row of one key, valid until the next one.
func (t *table) load(key unsafe.Pointer, hash uint64) (row []byte, ok bool) {
	row, ok, err := t.kv.Get(t.nameOf(key, hash), t.value[:0])
	t.value = row
	if err != nil {
		t.failed("the state of key %v cannot be read: %w", t.show(key), err)
	}
	return row, ok
}

// remove removes the row of a key.
func (t *table) remove(key unsafe.Pointer, hash uint64) {
	if err := t.kv.Delete(t.nameOf(key, hash)); err != nil {
		t.failed("the state of key %v cannot be removed: %w", t.show(key), err)
	}
}

// removeAll removes the rows of the table.
func (t *table) removeAll() {
	var end [prefixSize]byte
	binary.BigEndian.PutUint64(end[:], binary.BigEndian.Uint64(t.prefix[:])+1)
	if err := t.kv.DeleteRange(t.prefix[:], end[:]); err != nil {
		t.failed("the states of a window that is over cannot be removed: %w", err)
	}
}

// wanted are keys in memory whose rows are to be read, if they have one.
type wanted struct {
	text  []byte // the names
	items []want
	names [][]byte
}

type want struct {
	hash       uint64
	start, end int // of the name
	slot       uint32
}

func (w *wanted) reset()   { w.text, w.items, w.names = w.text[:0], w.items[:0], w.names[:0] }
func (w *wanted) len() int { return len(w.items) }

func (t *table) want(slot uint32) {
	w, c := &t.wanted, t.cells.at(slot)
	start := len(w.text)
	w.text = t.appendName(w.text, t.cells.key(c), c.hash)
	w.items = append(w.items, want{c.hash, start, len(w.text), slot})
}

// read fills the wanted keys, in the order of their names.
func (t *table) read() {
	w := &t.wanted
	w.byName()
	if t.sorted == nil {
		for _, it := range w.items {
			row, ok, err := t.kv.Get(w.text[it.start:it.end], t.value[:0])
			t.value = row
			if err == nil && ok {
				t.away--
				err = t.fill(it.slot, row)
			}
			if err != nil {
				t.failed("the state of key %v cannot be read: %w", t.show(t.cells.key(t.cells.at(it.slot))), err)
			}
		}
		return
	}
	for _, it := range w.items {
		w.names = append(w.names, w.text[it.start:it.end])
	}
	err := t.sorted.GetSorted(w.names, func(i int, row []byte) error {
		t.away--
		slot := w.items[i].slot
		if err := t.fill(slot, row); err != nil {
			return fmt.Errorf("key %v: %w", t.show(t.cells.key(t.cells.at(slot))), err)
		}
		return nil
	})
	if err != nil {
		t.failed("the states of %d keys cannot be read: %w", len(w.items), err)
	}
}
