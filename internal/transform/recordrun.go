package transform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/event"
)

// A blob of records holds runs of records with their event times, of one type
// or of a few, which are its kinds. docs/checkpoint-format.md has its bytes.

var errRuns = errors.New("the records that a checkpoint has of it are damaged")

// runWriter makes such a blob. Records are given by their address, so it is not
// generic.
type runWriter struct {
	layouts []*layout.Layout
	data    []byte
}

// newRunWriter begins a blob. Types whose values cannot be stored are an error
// only when there are some.
func newRunWriter(kinds ...reflect.Type) *runWriter {
	w := &runWriter{data: []byte{pieceVersion}}
	for _, t := range kinds {
		l, err := recordLayout(t)
		if err != nil {
			l = nil
		}
		w.layouts = append(w.layouts, l)
		if l == nil {
			w.data = append(w.data, 0)
		} else {
			w.data = appendSized(w.data, l.Schema())
		}
	}
	return w
}

func recordLayout(t reflect.Type) (*layout.Layout, error) {
	l, err := layout.Of(t)
	if err == nil {
		err = l.Portable()
	}
	if err != nil {
		return nil, fmt.Errorf("a record %w", err)
	}
	return l, nil
}

// add adds as many records as there are times, which lie one after the other
// from first on.
func (w *runWriter) add(kind int, t reflect.Type, first unsafe.Pointer, times []event.Time) (err error) {
	if len(times) == 0 {
		return nil
	}
	if w.layouts[kind] == nil {
		_, err := recordLayout(t)
		return err
	}
	w.data = binary.AppendUvarint(append(w.data, byte(kind)), uint64(len(times)))
	for _, t := range times {
		w.data = binary.AppendVarint(w.data, int64(t))
	}
	if w.data, err = w.layouts[kind].AppendAll(w.data, first, len(times)); err != nil {
		return fmt.Errorf("a record cannot be stored: %w", err)
	}
	return nil
}

// runReader reads such a blob.
type runReader struct {
	data     []byte
	decoders []*layout.Decoder
	kind     int
	n        int
}

func newRunReader(data []byte, kinds ...reflect.Type) (*runReader, error) {
	if len(data) == 0 || data[0] != pieceVersion {
		return nil, fmt.Errorf("%w, or of a form that this program does not know", errRuns)
	}
	r := &runReader{data: data[1:]}
	for _, t := range kinds {
		schema, rest, err := cutSized(r.data)
		if err != nil {
			return nil, err
		}
		r.data = rest
		var d *layout.Decoder
		if len(schema) > 0 {
			l, err := recordLayout(t)
			if err != nil {
				return nil, err
			}
			if d, err = l.From(schema); err != nil {
				return nil, fmt.Errorf("a record: %w", err)
			}
		}
		r.decoders = append(r.decoders, d)
	}
	return r, nil
}

func cutSized(data []byte) (own, rest []byte, err error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return nil, nil, errRuns
	}
	return data[size:][:n], data[size:][n:], nil
}

// next tells what the next run has: n records of a kind. ok is false behind
// the last one.
func (r *runReader) next() (kind, n int, ok bool, err error) {
	if len(r.data) == 0 {
		return 0, 0, false, nil
	}
	kind = int(r.data[0])
	if kind >= len(r.decoders) || r.decoders[kind] == nil {
		return 0, 0, false, errRuns
	}
	u, size := binary.Uvarint(r.data[1:])
	if size <= 0 || u > uint64(len(r.data)) { // each has a time, of a byte at least
		return 0, 0, false, errRuns
	}
	r.data = r.data[1+size:]
	r.kind, r.n = kind, int(u)
	return kind, r.n, true, nil
}

// read reads the run that next has announced: times, and zero values of size
// bytes from first on.
func (r *runReader) read(first unsafe.Pointer, size uintptr, times []event.Time) error {
	for i := range times {
		t, n := binary.Varint(r.data)
		if n <= 0 {
			return errRuns
		}
		times[i], r.data = event.Time(t), r.data[n:]
	}
	var err error
	for i := range r.n {
		if r.data, err = r.decoders[r.kind].Load(r.data, unsafe.Add(first, uintptr(i)*size)); err != nil {
			return fmt.Errorf("%w: %w", errRuns, err)
		}
	}
	return nil
}

// readRun reads the run that next has announced.
func readRun[T any](r *runReader) (values []T, times []event.Time, err error) {
	values, times = make([]T, r.n), make([]event.Time, r.n)
	return values, times, r.read(unsafe.Pointer(unsafe.SliceData(values)), reflect.TypeFor[T]().Size(), times)
}

// addRun adds records.
func addRun[T any](w *runWriter, kind int, values []T, times []event.Time) error {
	return w.add(kind, reflect.TypeFor[T](), unsafe.Pointer(unsafe.SliceData(values)), times)
}
