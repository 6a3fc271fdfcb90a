package transform

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/event"
)

// A piece is what a subtask keeps of times at which something of a key is to
// happen: timers, alarms. docs/checkpoint-format.md has its bytes.

const (
	pieceVersion = 1
	blockTarget  = 32 << 10 // a block is written when it has as many bytes
)

var errPiece = errors.New("what a checkpoint has of it is damaged")

// due is a time of a key.
type due struct {
	at   event.Time
	hash uint64
	kind TimerKind
	age  uint32 // larger for those added earlier; 0 where the order means nothing
}

// dueWriter writes a piece. It is not generic: keys are given by their address.
type dueWriter struct {
	w    io.Writer
	keys *layout.Layout
	buf  []byte
}

func newDueWriter(w io.Writer, key reflect.Type) (*dueWriter, error) {
	keys, err := keyLayout(key)
	if err != nil {
		return nil, err
	}
	head := append([]byte{pieceVersion}, appendSized(nil, keys.Schema())...)
	_, err = w.Write(head)
	return &dueWriter{w: w, keys: keys}, err
}

func keyLayout(key reflect.Type) (*layout.Layout, error) {
	l, err := layout.Of(key)
	if err == nil {
		err = l.Portable()
	}
	if err != nil {
		return nil, fmt.Errorf("the key %w", err)
	}
	return l, nil
}

func appendSized(dst, data []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}

func (d *dueWriter) add(v due, key unsafe.Pointer) error {
	b := binary.AppendVarint(d.buf, int64(v.at))
	b = binary.LittleEndian.AppendUint64(b, v.hash)
	b = binary.AppendUvarint(b, uint64(v.age)<<1|uint64(v.kind))
	b, err := d.keys.Append(b, key)
	if err != nil {
		return fmt.Errorf("a key cannot be stored: %w", err)
	}
	if d.buf = b; len(b) >= blockTarget {
		return d.flush()
	}
	return nil
}

func (d *dueWriter) flush() error {
	var size [binary.MaxVarintLen64]byte
	if _, err := d.w.Write(size[:binary.PutUvarint(size[:], uint64(len(d.buf)))]); err != nil {
		return err
	}
	_, err := d.w.Write(d.buf)
	d.buf = d.buf[:0]
	return err
}

// end writes what is left, and the block without bytes that ends a piece.
func (d *dueWriter) end() error {
	if len(d.buf) > 0 {
		if err := d.flush(); err != nil {
			return err
		}
	}
	return d.flush()
}

// dueReader reads a piece.
type dueReader struct {
	r     *bufio.Reader
	keys  *layout.Decoder
	block bytes.Buffer
	left  []byte // of the block
}

func newDueReader(r io.Reader, key reflect.Type) (*dueReader, error) {
	keys, err := keyLayout(key)
	if err != nil {
		return nil, err
	}
	d := &dueReader{r: bufio.NewReader(r)}
	version, err := d.r.ReadByte()
	if err != nil {
		return nil, err
	}
	if version != pieceVersion {
		return nil, fmt.Errorf("it was kept in form %d, and this program knows form %d: use the program that wrote it, or a later one", version, pieceVersion)
	}
	if _, err := d.next(); err != nil {
		return nil, err
	}
	d.keys, err = keys.From(d.left)
	d.left = nil
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	return d, nil
}

// next reads a block and tells whether it has any bytes.
func (d *dueReader) next() (bool, error) {
	n, err := binary.ReadUvarint(d.r)
	if err != nil || n > 1<<40 {
		return false, errors.Join(errPiece, err)
	}
	d.block.Reset()
	if _, err := io.CopyN(&d.block, d.r, int64(n)); err != nil { // grows with what there is
		return false, errors.Join(errPiece, err)
	}
	d.left = d.block.Bytes()
	return n > 0, nil
}

// read reads one row; the key is loaded into a zero value. ok is false behind
// the last one.
func (d *dueReader) read(v *due, key unsafe.Pointer) (ok bool, err error) {
	if len(d.left) == 0 {
		if more, err := d.next(); err != nil {
			return false, err
		} else if !more {
			return false, d.ended()
		}
	}
	at, n := binary.Varint(d.left)
	if n <= 0 || len(d.left) < n+8 {
		return false, errPiece
	}
	v.at, v.hash = event.Time(at), binary.LittleEndian.Uint64(d.left[n:])
	d.left = d.left[n+8:]
	u, n := binary.Uvarint(d.left)
	if n <= 0 || u>>33 != 0 || v.hash == 0 {
		return false, errPiece
	}
	v.age, v.kind = uint32(u>>1), TimerKind(u&1)
	d.left, err = d.keys.Load(d.left[n:], key)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errPiece, err)
	}
	return true, nil
}

// ended checks that nothing follows, which also shows that there is no damage.
func (d *dueReader) ended() error {
	switch _, err := d.r.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return errPiece
	default:
		return err
	}
}

// readDues calls f for each time in a piece.
func readDues[K comparable](r io.Reader, f func(v due, key K)) error {
	d, err := newDueReader(r, reflect.TypeFor[K]())
	if err != nil {
		return err
	}
	var v due
	var key, none K
	for ; ; key = none {
		if ok, err := d.read(&v, unsafe.Pointer(&key)); err != nil || !ok {
			return err
		}
		f(v, key)
	}
}
