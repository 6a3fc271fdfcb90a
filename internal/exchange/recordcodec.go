package exchange

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/event"
)

// RecordCodec stores batches of one record type, for records that are in flight
// when a checkpoint is taken. It belongs to one goroutine.
//
// A piece of stored records is the length and bytes of the schema of the type,
// and then batches: the length of what follows, the number of records, one byte
// that tells whether there are key hashes, the event times, the hashes, the
// values. Lengths and counts are varints, times and hashes 64-bit little-endian.
type RecordCodec struct {
	typ     event.Type
	layout  *layout.Layout
	scratch []byte
}

// NewRecordCodec returns an error for types whose values cannot be stored.
func NewRecordCodec(t event.Type) (*RecordCodec, error) {
	l, err := layout.Of(t.Reflect())
	if err != nil {
		return nil, err
	}
	if err := l.Portable(); err != nil {
		return nil, err
	}
	return &RecordCodec{typ: t, layout: l}, nil
}

// AppendHeader begins a piece.
func (c *RecordCodec) AppendHeader(dst []byte) []byte {
	s := c.layout.Schema()
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Append adds a batch to a piece.
func (c *RecordCodec) Append(dst []byte, b event.Batch) ([]byte, error) {
	n := b.Len()
	times, hashes := b.EventTimes(), []uint64(nil)
	if b.Keyed() {
		hashes = b.KeyHashes()
	}
	s := binary.AppendUvarint(c.scratch[:0], uint64(n))
	if hashes != nil {
		s = append(s, 1)
	} else {
		s = append(s, 0)
	}
	for _, t := range times {
		s = binary.LittleEndian.AppendUint64(s, uint64(t))
	}
	for _, h := range hashes {
		s = binary.LittleEndian.AppendUint64(s, h)
	}
	var err error
	s, err = c.layout.AppendAll(s, b.Base(), n)
	c.scratch = s
	if err != nil {
		return dst, fmt.Errorf("a record of type %s: %w", c.typ.Name(), err)
	}
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...), nil
}

// maxStored bounds a stored batch and a schema, in bytes.
const maxStored = 1 << 30

var errRecords = errors.New("stored records are damaged")

// Read calls f for each batch of a piece. The batch is valid for the call.
func (c *RecordCodec) Read(from io.Reader, f func(b event.Batch) error) error {
	r := bufio.NewReaderSize(from, 64<<10)
	schema, err := readBytes(r, nil)
	if errors.Is(err, io.EOF) {
		return nil // nothing at all was in flight
	}
	if err != nil {
		return err
	}
	decoder, err := c.layout.From(schema)
	if err != nil {
		return fmt.Errorf("records of type %s: %w", c.typ.Name(), err)
	}
	b := c.typ.NewBatch(0)
	var data []byte
	for {
		data, err = readBytes(r, data)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b.Reset()
		if err := c.decode(decoder, data, b); err != nil {
			return fmt.Errorf("records of type %s: %w", c.typ.Name(), err)
		}
		if err := f(b); err != nil {
			return err
		}
	}
}

func (c *RecordCodec) decode(d *layout.Decoder, data []byte, b event.Batch) error {
	count, w := binary.Uvarint(data)
	if w <= 0 || len(data) == w {
		return errRecords
	}
	keyed := data[w] != 0
	data = data[w+1:]
	each := uint64(8)
	if keyed {
		each = 16
	}
	if count > uint64(len(data))/each {
		return errRecords
	}
	n := int(count)
	b.Extend(n)
	times := b.EventTimes()
	for i := range times {
		times[i] = event.Time(binary.LittleEndian.Uint64(data[8*i:]))
	}
	data = data[8*n:]
	if keyed {
		hashes := b.KeyHashes()
		for i := range hashes {
			hashes[i] = binary.LittleEndian.Uint64(data[8*i:])
		}
		data = data[8*n:]
	}
	size := c.typ.Reflect().Size()
	for i := range n {
		var err error
		if data, err = d.Load(data, unsafe.Add(b.Base(), uintptr(i)*size)); err != nil {
			return err
		}
	}
	if len(data) > 0 {
		return errRecords
	}
	return nil
}

// readBytes reads a length and as many bytes, into the memory of into if it is
// large enough. It is io.EOF only where nothing begins.
func readBytes(r *bufio.Reader, into []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > maxStored {
		return nil, errRecords
	}
	into = into[:0]
	for left := int(n); left > 0; { // no more than what is really there
		step := min(left, 64<<10)
		at := len(into)
		into = append(into, make([]byte, step)...)
		if _, err := io.ReadFull(r, into[at:]); err != nil {
			return nil, errRecords
		}
		left -= step
	}
	return into, nil
}
