package memory

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/affluxdev/afflux/state"
)

// Names under which a backend is kept.
const (
	keptKeys      = "keys"
	keptBroadcast = "broadcast"
)

// The states of keys are stored as the piece of a table of keys and slots, see
// capture; then the schema of the store; then the rows of slots in blocks, and
// endMark with the number of rows.

// keysCapture is a backend as it was at a snapshot.
type keysCapture struct {
	keys   *capture
	states *state.Frozen
	schema []byte
}

// Snapshot implements state.Backend.
func (b *backend[K]) Snapshot(s state.Snapshot) error {
	e, err := entryOf[K, uint32]()
	if err != nil {
		return err
	}
	if b.store.Shared() {
		broadcast, err := b.store.AppendBroadcast(nil)
		if err != nil {
			return err
		}
		s.Blob(keptBroadcast, broadcast)
	}
	c := &keysCapture{keys: newCapture(e), states: b.store.Freeze(), schema: b.store.Schema()}
	c.keys.add("", b.table.(freezer))
	s.Keyed(keptKeys, c)
	return nil
}

// Write implements state.Capture.
func (c *keysCapture) Write(w io.Writer) error {
	if err := c.keys.Write(w); err != nil {
		c.states.Release()
		return err
	}
	head := binary.AppendUvarint(nil, uint64(len(c.schema)))
	if _, err := w.Write(append(head, c.schema...)); err != nil {
		c.states.Release()
		return err
	}
	total := 0
	err := c.states.Write(func(rows []byte) error {
		if err := state.EachRow(rows, func(uint32, []byte) error { total++; return nil }); err != nil {
			return err
		}
		return writeBlock(w, rows)
	})
	if err == nil {
		_, err = w.Write(binary.AppendUvarint([]byte{endMark}, uint64(total)))
	}
	return err
}

// Release implements state.Capture.
func (c *keysCapture) Release() {
	c.keys.Release()
	c.states.Release()
}

// Restore implements state.Backend.
func (b *backend[K]) Restore(r state.Restoration) error {
	e, err := entryOf[K, uint32]()
	if err != nil {
		return err
	}
	if err := b.restoreBroadcast(r); err != nil {
		return err
	}
	if err := r.Keyed(keptKeys, func(from io.Reader) error { return b.restorePiece(e, from, r) }); err != nil {
		return err
	}
	return b.forgetUnused()
}

// restoreBroadcast takes the broadcast states from one subtask: all have the
// same.
func (b *backend[K]) restoreBroadcast(r state.Restoration) error {
	done := false
	return r.Everyone(keptBroadcast, func(_ int, data []byte) error {
		if done {
			return nil
		}
		done = true
		return b.store.LoadBroadcast(data, r.AllowUnclaimed())
	})
}

// moved tells where keys of one snapshot are now, by their slots of then. Its
// memory follows from the number of keys, whatever their slots.
type moved [][]uint32

const movedBits = 12

func (m *moved) set(slot, to uint32) {
	page := int(slot >> movedBits)
	for page >= len(*m) {
		*m = append(*m, nil)
	}
	if (*m)[page] == nil {
		(*m)[page] = make([]uint32, 1<<movedBits)
	}
	(*m)[page][slot&(1<<movedBits-1)] = to + 1
}

func (m moved) find(slot uint32) (to uint32, ok bool) {
	if page := int(slot >> movedBits); page < len(m) && m[page] != nil {
		to = m[page][slot&(1<<movedBits-1)]
	}
	return to - 1, to > 0
}

func (b *backend[K]) restorePiece(e *entry, from io.Reader, part state.Restoration) error {
	keys, refs, slots := make([]K, selectChunk), make([]uint32, selectChunk), make([]uint32, selectChunk)
	in := newInbox(e, keys, refs)
	var places moved
	var before, n int
	in.begin = func(_ string, entries int) error {
		before, n = b.table.Len(), entries
		return nil
	}
	in.add = func(some, owned, seen int) error {
		b.table.(freezer).base().expect(before + int(float64(n)/float64(seen)*float64(owned)))
		if err := b.Select(keys[:some], in.hashes[:some], slots[:some]); err != nil {
			return err
		}
		for i, ref := range refs[:some] {
			if ref == 0 {
				return errCut
			}
			places.set(ref-1, slots[i])
		}
		clear(keys[:some])
		clear(refs[:some])
		return nil
	}
	r := bufio.NewReaderSize(from, readerSize)
	if err := in.tables(r, part.Owns); err != nil {
		return err
	}
	if in.apart > 0 { // they have no files
		return errCut
	}
	schema, err := readText(r, nil)
	if err != nil {
		return err
	}
	stored, err := b.store.From(schema, part.AllowUnclaimed())
	if err != nil {
		return err
	}
	load := &loading{places: places, store: b.store, from: stored}
	if err := in.rows(r, load); err != nil {
		return err
	}
	return ended(r)
}

// loading takes rows of states in, some at a time, so that their cache misses
// overlap.
type loading struct {
	places moved
	store  *state.Store
	from   *state.Stored
	slots  []uint32
	rows   [][]byte
	n      int // rows that came
}

func (l *loading) add(slot uint32, row []byte) error {
	l.n++
	to, ok := l.places.find(slot)
	if !ok {
		return nil // of another subtask
	}
	l.slots, l.rows = append(l.slots, to), append(l.rows, row)
	if len(l.slots) < selectChunk {
		return nil
	}
	return l.flush()
}

func (l *loading) flush() error {
	l.store.Warm(l.slots)
	for i, to := range l.slots {
		if !l.store.Unused(to) {
			return errors.New("a key has states twice: the snapshot is damaged")
		}
		if err := l.from.Load(to, l.rows[i]); err != nil {
			return err
		}
	}
	l.slots, l.rows = l.slots[:0], l.rows[:0]
	return nil
}

// rows takes the blocks of rows in.
func (in *inbox) rows(r *bufio.Reader, load *loading) error {
	for {
		mark, err := r.ReadByte()
		if err != nil {
			return cut(err)
		}
		switch mark {
		case blockMark:
			if err := in.readBlock(r); err != nil {
				return err
			}
			if err := state.EachRow(in.block, load.add); err != nil {
				return err
			}
			if err := load.flush(); err != nil {
				return err
			}
		case endMark:
			n, err := binary.ReadUvarint(r)
			if err == nil && n != uint64(load.n) {
				return fmt.Errorf("the snapshot has the states of %d keys, and %d came: it is damaged", n, load.n)
			}
			return cut(err)
		default:
			return errCut
		}
	}
}

// forgetUnused removes keys without states, which had pins only.
func (b *backend[K]) forgetUnused() error {
	var keys []K
	var hashes []uint64
	var slots []uint32
	b.table.Range(0, func(hash uint64, key K, ref *uint32) bool {
		if slot := *ref - 1; b.store.Unused(slot) {
			keys, hashes, slots = append(keys, key), append(hashes, hash), append(slots, slot)
		}
		return true
	})
	return b.Settle(keys, hashes, slots)
}
