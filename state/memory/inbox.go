package memory

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/state"
)

// inbox takes the entries of a piece in, by batch.
type inbox struct {
	entry *entry
	state *layout.Decoder // nil: as entry says

	hashes [selectChunk]uint64
	keys   unsafe.Pointer // selectChunk of them, all zero when a batch begins
	states unsafe.Pointer
	// begin is called for each table, with the number of all of its entries.
	begin func(name string, n int) error
	// add takes the first n entries and empties them. Of those read so far, owned
	// of seen belonged to the subtask.
	add func(n, owned, seen int) error
	// wipe empties one entry.
	wipe func(i int)

	block  []byte
	packed []byte // room for an entry, nil if they are not packed
	apart  int    // tables in files of their own, of all pieces that were read
	n      int
}

// newInbox makes an inbox with room for keys and states.
func newInbox[K comparable, S any](e *entry, keys []K, states []S) *inbox {
	return &inbox{
		entry: e, keys: unsafe.Pointer(unsafe.SliceData(keys)), states: unsafe.Pointer(unsafe.SliceData(states)),
		wipe: func(i int) { clear(keys[i : i+1]); clear(states[i : i+1]) },
	}
}

// Bounds of what is read at once: names and schemas are short, and other
// lengths are believed only as far as data comes.
const (
	maxHead    = 1 << 24
	readAhead  = 1 << 20
	readerSize = 64 << 10
)

// read takes in a piece, up to its end.
func (in *inbox) read(from io.Reader, owns func(hash uint64) bool) error {
	r := bufio.NewReaderSize(from, readerSize)
	if err := in.tables(r, owns); err != nil {
		return err
	}
	return ended(r)
}

// ended makes sure that nothing follows.
func ended(r *bufio.Reader) error {
	_, err := r.ReadByte()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = errors.New("something follows the end of a snapshot: it is damaged")
	}
	return err
}

// tables takes in all tables.
func (in *inbox) tables(r *bufio.Reader, owns func(hash uint64) bool) error {
	if err := in.head(r); err != nil {
		return err
	}
	total := 0
	mark, err := r.ReadByte()
	for err == nil && mark == tableMark {
		var n int
		if n, mark, err = in.table(r, owns); err != nil {
			return err
		}
		total += n
	}
	if err != nil {
		return cut(err)
	}
	n, err := binary.ReadUvarint(r)
	switch {
	case err != nil:
		return cut(err)
	case mark != endMark || n != uint64(total):
		return fmt.Errorf("a snapshot ends with %q and %d entries, and %d came: it is damaged", mark, n, total)
	}
	return nil
}

// cut makes an end in the middle an error that says so.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("a snapshot ends too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func (in *inbox) head(r *bufio.Reader) error {
	switch mark, err := r.ReadByte(); {
	case err != nil:
		return cut(err)
	case mark == diskMark:
		return errors.New("states were stored on disk and are now to be in memory: restore them where they were")
	case mark != pieceMark:
		return errCut
	}
	version, err := binary.ReadUvarint(r)
	if err != nil {
		return cut(err)
	}
	if version < unpackedVersion || version > dividedVersion {
		return fmt.Errorf("the tables have format %d, and this program reads %d to %d", version, unpackedVersion, dividedVersion)
	}
	key, err := readText(r, nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(key, in.entry.key.Schema()) { // hashes would not be right any more
		return fmt.Errorf("the keys in the snapshot were not stored as %s: keys cannot change their type", in.entry.key.Type())
	}
	state, err := readText(r, nil)
	if err != nil {
		return err
	}
	in.packed = nil
	if in.state, err = in.entry.state.From(state); err != nil || version == unpackedVersion {
		return err
	}
	size, err := binary.ReadUvarint(r)
	if err == nil && size > maxHead {
		return errCut
	}
	if err == nil && size > 0 {
		in.packed = make([]byte, size)
	}
	if err != nil || version == pieceVersion {
		return cut(err)
	}
	apart, err := binary.ReadUvarint(r)
	if err == nil && apart > maxHead {
		return errCut
	}
	in.apart += int(apart)
	return cut(err)
}

// readText reads a length and so many bytes into room.
func readText(r *bufio.Reader, room []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err == nil && n > maxHead {
		return nil, errCut
	}
	if err == nil {
		room = slices.Grow(room[:0], int(n))[:n]
		_, err = io.ReadFull(r, room)
	}
	return room, cut(err)
}

// table takes in one table, and returns the mark that follows it.
func (in *inbox) table(r *bufio.Reader, owns func(hash uint64) bool) (seen int, mark byte, err error) {
	name, err := readText(r, nil)
	if err != nil {
		return 0, 0, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, 0, cut(err)
	}
	if n > 1<<48 {
		return 0, 0, errCut
	}
	if err = in.begin(string(name), int(n)); err != nil {
		return 0, 0, err
	}
	owned := 0
	for {
		if mark, err = r.ReadByte(); err != nil {
			return 0, 0, cut(err)
		}
		if mark != blockMark {
			break
		}
		if err = in.readBlock(r); err != nil {
			return 0, 0, err
		}
		s, o, err := in.entries(owns, seen, owned)
		if err != nil {
			return 0, 0, fmt.Errorf("the table %q cannot be restored: %w", name, err)
		}
		seen, owned = s, o
	}
	if seen != int(n) {
		return 0, 0, fmt.Errorf("the table %q has %d entries, and %d came: the snapshot is damaged", name, n, seen)
	}
	return seen, mark, nil
}

func (in *inbox) readBlock(r *bufio.Reader) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return cut(err)
	}
	if n > 1<<48 {
		return errCut
	}
	in.block = in.block[:0]
	for left := int(n); left > 0; {
		step := min(left, readAhead)
		at := len(in.block)
		in.block = slices.Grow(in.block, step)[:at+step]
		if _, err = io.ReadFull(r, in.block[at:]); err != nil {
			return cut(err)
		}
		left -= step
	}
	return nil
}

// entries takes in a block.
func (in *inbox) entries(owns func(hash uint64) bool, seen, owned int) (_, _ int, err error) {
	keySize, stateSize := in.entry.key.Type().Size(), in.entry.state.Type().Size()
	for data := in.block; len(data) > 0; {
		key, state := unsafe.Add(in.keys, uintptr(in.n)*keySize), unsafe.Add(in.states, uintptr(in.n)*stateSize)
		var hash uint64
		if hash, data, err = in.load(data, key, state); err != nil {
			return 0, 0, err
		}
		seen++
		if !owns(hash) {
			in.wipe(in.n)
			continue
		}
		owned++
		in.hashes[in.n] = hash
		if in.n++; in.n == selectChunk {
			if err = in.flush(owned, seen); err != nil {
				return 0, 0, err
			}
		}
	}
	return seen, owned, in.flush(owned, seen) // keys may be a part of the block
}

// load reads an entry, as [entry.load] does.
func (in *inbox) load(data []byte, key, state unsafe.Pointer) (hash uint64, rest []byte, err error) {
	if in.packed == nil {
		return in.entry.load(data, key, state, in.state)
	}
	if rest, err = unpack(in.packed, data); err != nil {
		return 0, nil, err
	}
	hash, data, err = in.entry.load(in.packed, key, state, in.state)
	if err == nil && len(data) > 0 {
		err = errCut
	}
	return hash, rest, err
}

func (in *inbox) flush(owned, seen int) error {
	n := in.n
	in.n = 0
	if n == 0 {
		return nil
	}
	return in.add(n, owned, seen)
}

// readAll takes in what was kept under a name.
func readAll(r state.Restoration, name string, in *inbox) error {
	return r.Keyed(name, func(from io.Reader) error { return in.read(from, r.Owns) })
}
