package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// A piece of tables is stored as a header, that is pieceMark, the version, the
// layouts of keys and states, and the size of packed entries, 0 if they are not
// packed; then for each table tableMark, its name and the number of its entries,
// followed by blocks, each blockMark, the length of its entries and these; then
// endMark and the number of all entries. The first version knew no packed
// entries. The third one has the number of tables in files of their own behind
// that size; without any it is not used.
const (
	pieceVersion    = 2
	unpackedVersion = 1
	dividedVersion  = 3
	blockSize       = 32 << 10 // bytes of entries in a block, mostly

	pieceMark = 'M'
	diskMark  = 'P' // what package paged begins with
	tableMark = 'T'
	blockMark = 'B'
	endMark   = 'E'
)

var errReleased = errors.New("the snapshot was given up")

// capture are tables as they were at a snapshot.
type capture struct {
	entry  *entry
	names  []string
	tables []*frozen
	apart  int // tables in files of their own
	slab   *slab
	taken  atomic.Bool // by Write, or by Release instead of it
	stop   atomic.Bool
}

// newCapture returns a capture of no table. Its tables have entries like e.
func newCapture(e *entry) *capture { return &capture{entry: e, slab: &slab{}} }

// add begins the snapshot of a table.
func (c *capture) add(name string, t freezer) {
	c.names = append(c.names, name)
	c.tables = append(c.tables, t.freezes(c.entry, c.slab))
}

// Write implements state.Capture.
func (c *capture) Write(w io.Writer) error {
	if !c.taken.CompareAndSwap(false, true) {
		return errReleased
	}
	defer c.end()
	version := uint64(pieceVersion)
	if c.apart > 0 {
		version = dividedVersion
	}
	head := binary.AppendUvarint([]byte{pieceMark}, version)
	for _, l := range []interface{ Schema() []byte }{c.entry.key, c.entry.state} {
		schema := l.Schema()
		head = append(binary.AppendUvarint(head, uint64(len(schema))), schema...)
	}
	head = binary.AppendUvarint(head, uint64(c.entry.solid))
	if c.apart > 0 {
		head = binary.AppendUvarint(head, uint64(c.apart))
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	total := 0
	for i, f := range c.tables {
		total += f.n
		if err := c.writeTable(w, c.names[i], f); err != nil {
			return err
		}
	}
	_, err := w.Write(binary.AppendUvarint([]byte{endMark}, uint64(total)))
	return err
}

func (c *capture) writeTable(w io.Writer, name string, f *frozen) error {
	head := binary.AppendUvarint([]byte{tableMark}, uint64(len(name)))
	head = binary.AppendUvarint(append(head, name...), uint64(f.n))
	if _, err := w.Write(head); err != nil {
		return err
	}
	err := f.write(&c.stop, func(entries []byte) error { return writeBlock(w, entries) })
	if err != nil && !errors.Is(err, errReleased) {
		return fmt.Errorf("the table %q cannot be written: %w", name, err)
	}
	return err
}

func writeBlock(w io.Writer, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var head [1 + binary.MaxVarintLen64]byte
	if _, err := w.Write(binary.AppendUvarint(append(head[:0], blockMark), uint64(len(data)))); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// end says that nothing is read any more.
func (c *capture) end() {
	for _, f := range c.tables {
		f.over.Store(true)
	}
}

// Release implements state.Capture.
func (c *capture) Release() {
	if c.taken.CompareAndSwap(false, true) {
		c.end()
		return
	}
	c.stop.Store(true) // if Write goes on, it ends the capture
}
