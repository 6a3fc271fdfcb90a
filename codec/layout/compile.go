package layout

import (
	"fmt"
	"reflect"
	"unsafe"
)

// compiler makes layouts. Types may be recursive: those that are not finished
// are known.
type compiler struct {
	known map[reflect.Type]*Layout
	// keys asks for equal bytes of equal values, and different ones of
	// different values.
	keys bool
}

// compile returns the layout of a type; path names it in messages.
func (c *compiler) compile(t reflect.Type, path string) (*Layout, error) {
	if l, ok := c.known[t]; ok {
		return l, nil
	}
	l := &Layout{of: t, keys: c.keys}
	c.known[t] = l
	if special(l, path) {
		return l, nil
	}
	if scalar(t.Kind()) || !c.keys && !hasPointers(t) {
		if c.keys {
			if err := exact(t, path); err != nil {
				return nil, err
			}
		}
		plainLayout(l)
		return l, nil
	}
	var err error
	switch t.Kind() {
	case reflect.String:
		stringLayout(l)
	case reflect.Struct:
		err = c.structLayout(l, path)
	case reflect.Array:
		err = c.arrayLayout(l, path)
	case reflect.Slice:
		err = c.sliceLayout(l, path)
	case reflect.Pointer:
		err = c.pointerLayout(l, path)
	case reflect.Map:
		err = c.mapLayout(l, path)
	case reflect.Interface:
		interfaceLayout(l)
	default:
		err = unstorablef("%s is a %s: it cannot be stored on disk or in a checkpoint", path, t.Kind())
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

// hasBools is about types without pointers: not all bytes are values of them.
func hasBools(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool:
		return true
	case reflect.Array:
		return t.Len() > 0 && hasBools(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasBools(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// goodBools tells whether the booleans in memory without pointers are such.
func goodBools(t reflect.Type, p unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.Bool:
		return *(*uint8)(p) <= 1
	case reflect.Array:
		if !hasBools(t.Elem()) {
			return true
		}
		for i := range t.Len() {
			if !goodBools(t.Elem(), unsafe.Add(p, uintptr(i)*t.Elem().Size())) {
				return false
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !goodBools(f.Type, unsafe.Add(p, f.Offset)) {
				return false
			}
		}
	}
	return true
}

// plainLayout stores memory as it is, padding included.
func plainLayout(l *Layout) {
	size := l.of.Size()
	l.plain, l.least = true, int(size)
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		return append(dst, unsafe.Slice((*byte)(p), size)...), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		if uintptr(len(data)) < size {
			return nil, errCut
		}
		copy(unsafe.Slice((*byte)(p), size), data)
		return data[size:], nil
	}
	if t := l.of; hasBools(t) {
		l.bools = true
		l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
			if uintptr(len(data)) < size {
				return nil, errCut
			}
			if !goodBools(t, unsafe.Pointer(unsafe.SliceData(data))) {
				return nil, errDamaged
			}
			copy(unsafe.Slice((*byte)(p), size), data)
			return data[size:], nil
		}
	}
}

func stringLayout(l *Layout) {
	l.least = 1
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		return appendText(dst, *(*string)(p)), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		s, rest, err := text(data)
		if err != nil {
			return nil, err
		}
		*(*string)(p) = string(s)
		return rest, nil
	}
	l.owned = func(p unsafe.Pointer, _ int) int { return len(*(*string)(p)) }
}

func (c *compiler) structLayout(l *Layout, path string) error {
	var parts, owners []field
	for i := range l.of.NumField() {
		f := l.of.Field(i)
		if f.Name == "_" { // no part of the value
			continue
		}
		own, err := c.compile(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		parts = append(parts, field{own, f.Name, f.Offset})
		l.inside = append(l.inside, own)
		l.least += own.least
		if hasPointers(f.Type) {
			owners = append(owners, field{own, f.Name, f.Offset})
		}
	}
	l.fields = parts
	pad := l.least == 0 && l.of.Size() > 0 // so that memory is bounded by what is read
	if l.pad = pad; pad {
		l.least = 1
	}
	l.append = func(dst []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
		if pad {
			dst = append(dst, 0)
		}
		for i := range parts {
			if dst, err = parts[i].append(dst, unsafe.Add(p, parts[i].offset), depth); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	l.load = func(data []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
		if pad {
			if len(data) == 0 {
				return nil, errCut
			}
			data = data[1:]
		}
		for i := range parts {
			if data, err = parts[i].load(data, unsafe.Add(p, parts[i].offset), depth); err != nil {
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

func (c *compiler) arrayLayout(l *Layout, path string) error {
	elem, err := c.compile(l.of.Elem(), path+"[]")
	if err != nil {
		return err
	}
	n := l.of.Len()
	l.elem, l.inside = elem, []*Layout{elem}
	if l.least = n * elem.least; l.of.Size() > 0 {
		l.least = max(l.least, n) // elem may contain this array and be unfinished
	}
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		return elem.appendAll(dst, p, n, depth)
	}
	l.load = func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		return elem.loadAll(data, p, n, depth)
	}
	l.owned = func(p unsafe.Pointer, depth int) int { return elem.sumAll(p, n, depth) }
	return nil
}
