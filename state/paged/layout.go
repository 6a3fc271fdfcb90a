package paged

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// layout is how the values of one type become bytes and come back within the
// same process. Unlike a codec it needs no schema, sees every field, and returns
// exactly what was stored: it is for accumulators of any make.
type layout struct {
	plain bool // without pointers: the bytes are those in memory
	// append encodes the value at p.
	append func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error)
	// load decodes into the zero value at p.
	load func(data []byte, p unsafe.Pointer) (rest []byte, err error)
	// owned is about the memory that the value owns outside of its fixed size;
	// nil says nothing.
	owned func(p unsafe.Pointer, depth int) int
}

// maxDepth bounds how deep values may be nested: one that contains itself has
// no end.
const maxDepth = 10_000

var (
	errCut  = errors.New("the stored state ends too early")
	errDeep = fmt.Errorf("it is nested more than %d deep, or contains itself: it cannot be stored", maxDepth)
)

// compiler makes layouts. Types may be recursive: those that are not finished
// are known.
type compiler struct {
	known map[reflect.Type]*layout
	// keys asks for equal bytes of equal values, and different ones of
	// different values.
	keys bool
}

// compile returns the layout of a type; path names it in messages.
func (c *compiler) compile(t reflect.Type, path string) (*layout, error) {
	if l, ok := c.known[t]; ok {
		return l, nil
	}
	l := &layout{}
	c.known[t] = l
	if isShared(t) {
		sharedLayout(l, t)
		return l, nil
	}
	if scalar(t.Kind()) || !c.keys && !hasPointers(t) {
		if c.keys {
			if err := exact(t, path); err != nil {
				return nil, err
			}
		}
		plainLayout(l, t.Size())
		return l, nil
	}
	var err error
	switch t.Kind() {
	case reflect.String:
		stringLayout(l)
	case reflect.Struct:
		err = c.structLayout(l, t, path)
	case reflect.Array:
		err = c.arrayLayout(l, t, path)
	case reflect.Slice:
		err = c.sliceLayout(l, t, path)
	case reflect.Pointer:
		err = c.pointerLayout(l, t, path)
	case reflect.Map:
		err = c.mapLayout(l, t, path)
	case reflect.Interface:
		interfaceLayout(l, t)
	default:
		err = fmt.Errorf("%s is a %s: state on disk cannot hold it", path, t.Kind())
	}
	return l, err
}

func scalar(k reflect.Kind) bool { return k >= reflect.Bool && k <= reflect.Complex128 }

// exact refuses numbers of which equal ones have different bytes.
func exact(t reflect.Type, path string) error {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%s is a floating-point number: state on disk cannot be found by it; use an integer or a string", path)
	}
	return nil
}

func hasPointers(t reflect.Type) bool {
	switch {
	case scalar(t.Kind()):
		return false
	case t.Kind() == reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}

func plainLayout(l *layout, size uintptr) {
	l.plain = true
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		return append(dst, unsafe.Slice((*byte)(p), size)...), nil
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		if uintptr(len(data)) < size {
			return nil, errCut
		}
		copy(unsafe.Slice((*byte)(p), size), data)
		return data[size:], nil
	}
}

func stringLayout(l *layout) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		s := *(*string)(p)
		return append(binary.AppendUvarint(dst, uint64(len(s))), s...), nil
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n > len(data) {
			return nil, errCut
		}
		*(*string)(p) = string(data[:n])
		return data[n:], nil
	}
	l.owned = func(p unsafe.Pointer, _ int) int { return len(*(*string)(p)) }
}

// count reads a number of bytes or elements.
func count(data []byte) (n int, rest []byte, err error) {
	u, w := binary.Uvarint(data)
	if w <= 0 || u > 1<<48 {
		return 0, nil, errCut
	}
	return int(u), data[w:], nil
}

// part is a field of a struct.
type part struct {
	*layout
	offset uintptr
}

func (c *compiler) structLayout(l *layout, t reflect.Type, path string) error {
	var parts, owners []part
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" { // no part of the value
			continue
		}
		field, err := c.compile(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		parts = append(parts, part{field, f.Offset})
		if hasPointers(f.Type) {
			owners = append(owners, part{field, f.Offset})
		}
	}
	l.append = func(dst []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
		for i := range parts {
			if dst, err = parts[i].append(dst, unsafe.Add(p, parts[i].offset), depth); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	l.load = func(data []byte, p unsafe.Pointer) (_ []byte, err error) {
		for i := range parts {
			if data, err = parts[i].load(data, unsafe.Add(p, parts[i].offset)); err != nil {
				return nil, err
			}
		}
		return data, nil
	}
	l.owned = func(p unsafe.Pointer, depth int) (n int) {
		for i := range owners {
			n += owners[i].sum(unsafe.Add(p, owners[i].offset), depth)
		}
		return n
	}
	return nil
}

func (c *compiler) arrayLayout(l *layout, t reflect.Type, path string) error {
	elem, err := c.compile(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	n, size := t.Len(), t.Elem().Size()
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		return elem.appendAll(dst, p, n, size, depth)
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) { return elem.loadAll(data, p, n, size) }
	l.owned = func(p unsafe.Pointer, depth int) int { return elem.sumAll(p, n, size, depth) }
	return nil
}

// appendAll encodes n values that lie one after the other.
func (l *layout) appendAll(dst []byte, p unsafe.Pointer, n int, size uintptr, depth int) (_ []byte, err error) {
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

func (l *layout) loadAll(data []byte, p unsafe.Pointer, n int, size uintptr) (_ []byte, err error) {
	if l.plain {
		if len(data) < n*int(size) {
			return nil, errCut
		}
		copy(unsafe.Slice((*byte)(p), n*int(size)), data)
		return data[n*int(size):], nil
	}
	for i := range n {
		if data, err = l.load(data, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// sum is owned of any layout.
func (l *layout) sum(p unsafe.Pointer, depth int) int {
	if l.owned == nil {
		return 0
	}
	return l.owned(p, depth)
}

// sampled is how many of many values are measured.
const sampled = 64

func (l *layout) sumAll(p unsafe.Pointer, n int, size uintptr, depth int) int {
	if l.owned == nil {
		return 0
	}
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
