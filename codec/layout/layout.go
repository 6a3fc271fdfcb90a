// Package layout turns Go values of any make into bytes and back, by their
// types alone. Unlike a codec it needs no schema from the user, sees every
// field, exported or not, and gives back what was stored: it is for
// accumulators in keyed state, on disk and in checkpoints.
//
// Memory without pointers is stored as it is, so bytes belong to machines that
// are little-endian and have 64-bit words; a schema says so.
package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// Layout stores the values of one type. It is immutable and safe for concurrent
// use.
type Layout struct {
	of     reflect.Type
	keys   bool      // made by OfKey
	plain  bool      // without pointers: the bytes are those in memory
	bools  bool      // it is plain, and not all bytes are values
	least  int       // bytes that every value takes when stored
	local  string    // the path of a value that only this process can read
	pad    bool      // there is a byte before the fields
	fields []field   // of a struct
	elem   *Layout   // of an array, slice, pointer or map
	key    *Layout   // of a map
	inside []*Layout // all of them, to be looked at

	// append encodes the value at p.
	append func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error)
	// load decodes into the zero value at p.
	load func(data []byte, p unsafe.Pointer, depth int) (rest []byte, err error)
	// owned is about the memory that the value owns outside of its fixed size;
	// nil says nothing.
	owned func(p unsafe.Pointer, depth int) int
}

// field is one field of a struct.
type field struct {
	*Layout
	name   string
	offset uintptr
}

// maxDepth bounds how deep values may be nested: one that contains itself has
// no end.
const maxDepth = 10_000

var (
	errCut     = errors.New("the stored value ends too early")
	errDamaged = errors.New("the stored value is damaged")
	errDeep    = fmt.Errorf("it is nested more than %d deep, or contains itself: it cannot be stored", maxDepth)
	errTooDeep = fmt.Errorf("the stored value is nested more than %d deep: it is damaged", maxDepth)
)

// made are the layouts there are; a value is a result.
var made, madeForKeys sync.Map

type result struct {
	layout *Layout
	err    error
}

// Of returns the layout of a type. Functions, channels and maps by address have
// none; an interface has one, but what it holds may fail in Append.
func Of(t reflect.Type) (*Layout, error) { return cached(&made, t, false) }

// OfKey is Of for types whose values are compared as bytes: equal values are
// stored as equal bytes and different ones as different bytes. It refuses
// floating-point numbers and addresses.
func OfKey(t reflect.Type) (*Layout, error) { return cached(&madeForKeys, t, true) }

func cached(in *sync.Map, t reflect.Type, keys bool) (*Layout, error) {
	r, ok := in.Load(t)
	if !ok {
		c := compiler{known: map[reflect.Type]*Layout{}, keys: keys}
		l, err := c.compile(t, t.String())
		if err != nil {
			l = nil
		}
		r, _ = in.LoadOrStore(t, result{l, err})
	}
	return r.(result).layout, r.(result).err
}

// Type is the type of the values.
func (l *Layout) Type() reflect.Type { return l.of }

// Plain tells whether values have no pointers, so that what is stored is their
// memory.
func (l *Layout) Plain() bool { return l.plain }

// Owns tells whether values may own memory outside of their fixed size.
func (l *Layout) Owns() bool { return l.owned != nil }

// Append adds the value at p. After an error it returns dst with some bytes
// more. The value must not change meanwhile.
func (l *Layout) Append(dst []byte, p unsafe.Pointer) ([]byte, error) { return l.append(dst, p, 0) }

// Load reads a value into the zero value at p and returns what is left of data,
// to which the value does not refer. Data that no Append has written gives an
// error or some value; after an error the value is unspecified. What is
// allocated is bounded by the length of data.
func (l *Layout) Load(data []byte, p unsafe.Pointer) (rest []byte, err error) {
	return l.load(data, p, 0)
}

// AppendAll is Append of n values that lie one after the other.
func (l *Layout) AppendAll(dst []byte, p unsafe.Pointer, n int) ([]byte, error) {
	return l.appendAll(dst, p, n, 0)
}

// LoadAll is Load of n values that lie one after the other.
func (l *Layout) LoadAll(data []byte, p unsafe.Pointer, n int) (rest []byte, err error) {
	return l.loadAll(data, p, n, 0)
}

// Owned is about how many bytes the value at p owns outside of its fixed size;
// of a large value a sample is measured.
func (l *Layout) Owned(p unsafe.Pointer) int { return l.sum(p, 0) }

// Portable returns an error if values can be read only by the process that has
// stored them.
func (l *Layout) Portable() error {
	seen := map[*Layout]bool{}
	var look func(*Layout) error
	look = func(l *Layout) error {
		if seen[l] {
			return nil
		}
		seen[l] = true
		if l.local != "" {
			return unstorablef("%s is a %s: another process cannot read it, so it cannot be in a checkpoint", l.local, l.of)
		}
		for _, i := range l.inside {
			if err := look(i); err != nil {
				return err
			}
		}
		return nil
	}
	return look(l)
}

func (l *Layout) appendAll(dst []byte, p unsafe.Pointer, n, depth int) (_ []byte, err error) {
	size := l.of.Size()
	if l.plain {
		return append(dst, unsafe.Slice((*byte)(p), n*int(size))...), nil
	}
	for i := range n {
		if dst, err = l.append(dst, unsafe.Add(p, uintptr(i)*size), depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (l *Layout) loadAll(data []byte, p unsafe.Pointer, n, depth int) (_ []byte, err error) {
	size := l.of.Size()
	if !l.fits(n, len(data)) {
		return nil, errCut
	}
	if l.plain && !l.bools {
		copy(unsafe.Slice((*byte)(p), n*int(size)), data)
		return data[n*int(size):], nil
	}
	for i := range n {
		if data, err = l.load(data, unsafe.Add(p, uintptr(i)*size), depth); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// fits tells whether n values can be in so many bytes. Only values of no size
// take none.
func (l *Layout) fits(n, bytes int) bool { return n >= 0 && (l.least == 0 || n <= bytes/l.least) }

// sum is owned of any layout.
func (l *Layout) sum(p unsafe.Pointer, depth int) int {
	if l.owned == nil {
		return 0
	}
	return l.owned(p, depth)
}

// sampled is how many of many values are measured.
const sampled = 64

func (l *Layout) sumAll(p unsafe.Pointer, n, depth int) int {
	if l.owned == nil {
		return 0
	}
	size := l.of.Size()
	step := max(1, n/sampled)
	sum, seen := 0, 0
	for i := 0; i < n; i += step {
		sum += l.owned(unsafe.Add(p, uintptr(i)*size), depth)
		seen++
	}
	if step > 1 {
		sum = int(float64(sum) / float64(seen) * float64(n))
	}
	return sum
}

// count reads a number of bytes or elements.
func count(data []byte) (n int, rest []byte, err error) {
	u, w := binary.Uvarint(data)
	if w <= 0 || u > 1<<48 {
		return 0, nil, errCut
	}
	return int(u), data[w:], nil
}

// text reads a string, a part of data.
func text(data []byte) (s, rest []byte, err error) {
	n, data, err := count(data)
	if err != nil || n > len(data) {
		return nil, nil, errCut
	}
	return data[:n], data[n:], nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
