package layout

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"unsafe"
)

// Decoder reads values that were stored by another version of a type. It is
// immutable and safe for concurrent use.
type Decoder struct {
	of   *Layout
	same bool
	load func(data []byte, p unsafe.Pointer, depth int) (rest []byte, err error)
}

// From returns what reads values that were stored with a schema. Fields are
// found by their names: those that are new stay zero, and those that are gone
// are skipped. Integers and floating-point numbers may have become larger, and
// unsigned integers signed ones that hold all of them. Any other change is an
// error that names the field.
func (l *Layout) From(s []byte) (*Decoder, error) {
	if bytes.Equal(s, l.Schema()) {
		return &Decoder{l, true, l.load}, nil
	}
	from, err := parse(s)
	if err != nil {
		return nil, err
	}
	c := converter{from, map[change]*loader{}}
	load, err := c.convert(0, l, l.of.String())
	if err != nil {
		return nil, err
	}
	return &Decoder{l, false, load.do}, nil
}

// Same tells whether nothing has changed: what is stored is what Append writes.
func (d *Decoder) Same() bool { return d.same }

// Load is Layout.Load.
func (d *Decoder) Load(data []byte, p unsafe.Pointer) (rest []byte, err error) {
	return d.load(data, p, 0)
}

// converter makes loaders of what has a schema.
type converter struct {
	from  *schema
	known map[change]*loader
}

// change is from a type of the schema to one of now.
type change struct {
	from int
	to   *Layout
}

// loader does what Layout.load does. It has no function while it is made, since
// types may be recursive.
type loader struct {
	load func(data []byte, p unsafe.Pointer, depth int) (rest []byte, err error)
}

func (l *loader) do(data []byte, p unsafe.Pointer, depth int) (rest []byte, err error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	return l.load(data, p, depth)
}

func (c *converter) convert(from int, to *Layout, path string) (*loader, error) {
	if l, ok := c.known[change{from, to}]; ok {
		return l, nil
	}
	l := &loader{}
	c.known[change{from, to}] = l
	n, kind := &c.from.Types[from], to.kindOf()
	if n.Kind != kind {
		if l.load = widen(n.Kind, kind); l.load != nil {
			return l, nil
		}
		return nil, fmt.Errorf("%s was stored as %s and is now %s, which cannot be converted: change it back, or give it another name to begin anew", path, n.Kind, kind)
	}
	var err error
	switch kind {
	case handleKind:
		err = fmt.Errorf("%s is a %s: another process cannot read it", path, to.of)
	case structKind:
		l.load, err = c.structs(n, to, path)
	case arrayKind:
		l.load, err = c.arrays(n, to, path)
	case sliceKind:
		l.load, err = c.slices(n, to, path)
	case pointerKind:
		l.load, err = c.pointers(n, to, path)
	case mapKind:
		l.load, err = c.maps(n, to, path)
	default:
		l.load = to.load
	}
	return l, err
}

// loading is one field of what is stored; do is nil if it is skipped.
type loading struct {
	from int
	at   int
	do   func(data []byte, p unsafe.Pointer, depth int) (rest []byte, err error)
	to   uintptr
}

func (c *converter) structs(n *node, to *Layout, path string) (func([]byte, unsafe.Pointer, int) ([]byte, error), error) {
	now := map[string]field{}
	for _, f := range to.parts() {
		now[f.name] = f
	}
	var parts []loading
	for _, p := range n.Fields {
		part := loading{from: p.Type, at: p.At}
		if f, ok := now[p.Name]; ok {
			l, err := c.convert(p.Type, f.Layout, path+"."+p.Name)
			if err != nil {
				return nil, err
			}
			part.do, part.to = l.do, f.offset
		}
		parts = append(parts, part)
	}
	if n.Plain {
		return func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
			if len(data) < n.Size {
				return nil, errCut
			}
			for _, part := range parts {
				if part.do == nil {
					continue
				}
				if _, err := part.do(data[part.at:n.Size], unsafe.Add(p, part.to), depth); err != nil {
					return nil, err
				}
			}
			return data[n.Size:], nil
		}, nil
	}
	return func(data []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
		if n.Pad {
			if len(data) == 0 {
				return nil, errCut
			}
			data = data[1:]
		}
		for _, part := range parts {
			if part.do == nil {
				data, err = c.from.skip(data, part.from, depth)
			} else {
				data, err = part.do(data, unsafe.Add(p, part.to), depth)
			}
			if err != nil {
				return nil, err
			}
		}
		return data, nil
	}, nil
}

func (c *converter) arrays(n *node, to *Layout, path string) (func([]byte, unsafe.Pointer, int) ([]byte, error), error) {
	if n.Len != to.of.Len() {
		return nil, fmt.Errorf("%s had %d elements and has now %d: change it back, or give it another name to begin anew", path, n.Len, to.of.Len())
	}
	if n.Len == 0 {
		return func(data []byte, _ unsafe.Pointer, _ int) ([]byte, error) { return data, nil }, nil
	}
	elem := to.element()
	l, err := c.convert(n.Elem, elem, path+"[]")
	if err != nil {
		return nil, err
	}
	return func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		return l.all(data, p, n.Len, elem.of.Size(), depth)
	}, nil
}

// all reads n values.
func (l *loader) all(data []byte, p unsafe.Pointer, n int, size uintptr, depth int) (_ []byte, err error) {
	for i := range n {
		if data, err = l.do(data, unsafe.Add(p, uintptr(i)*size), depth); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// fits tells whether n values of a type can be in so many bytes. Those that take
// none are taken to be few.
func (s *schema) fits(n, of, bytes int) bool {
	if least := s.Types[of].least; least > 0 {
		return n <= bytes/least
	}
	return n <= 1<<16
}

func (c *converter) slices(n *node, to *Layout, path string) (func([]byte, unsafe.Pointer, int) ([]byte, error), error) {
	l, err := c.convert(n.Elem, to.elem, path+"[]")
	if err != nil {
		return nil, err
	}
	return func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		many, data, err := count(data)
		if err != nil || many == 0 {
			return data, err
		}
		if many--; !c.from.fits(many, n.Elem, len(data)) {
			return nil, errCut
		}
		s := reflect.MakeSlice(to.of, many, many)
		reflect.NewAt(to.of, p).Elem().Set(s)
		return l.all(data, s.UnsafePointer(), many, to.elem.of.Size(), depth+1)
	}, nil
}

func (c *converter) pointers(n *node, to *Layout, path string) (func([]byte, unsafe.Pointer, int) ([]byte, error), error) {
	l, err := c.convert(n.Elem, to.elem, path)
	if err != nil {
		return nil, err
	}
	return func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		set, data, err := flag(data)
		if err != nil || !set {
			return data, err
		}
		v := reflect.New(to.elem.of)
		reflect.NewAt(to.of, p).Elem().Set(v.Convert(to.of))
		return l.do(data, v.UnsafePointer(), depth+1)
	}, nil
}

func (c *converter) maps(n *node, to *Layout, path string) (func([]byte, unsafe.Pointer, int) ([]byte, error), error) {
	key, err := c.convert(n.Key, to.key, path+"[key]")
	if err != nil {
		return nil, err
	}
	elem, err := c.convert(n.Elem, to.elem, path+"[]")
	if err != nil {
		return nil, err
	}
	return func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		many, data, err := count(data)
		if err != nil || many == 0 {
			return data, err
		}
		if many--; !c.from.fits(many, n.Key, len(data)) {
			return nil, errCut
		}
		m := reflect.MakeMapWithSize(to.of, min(many, len(data)))
		reflect.NewAt(to.of, p).Elem().Set(m)
		k, v := reflect.New(to.key.of), reflect.New(to.elem.of)
		for range many {
			k.Elem().SetZero()
			v.Elem().SetZero()
			if data, err = key.do(data, k.UnsafePointer(), depth+1); err != nil {
				return nil, err
			}
			if data, err = elem.do(data, v.UnsafePointer(), depth+1); err != nil {
				return nil, err
			}
			m.SetMapIndex(k.Elem(), v.Elem())
		}
		if m.Len() != many {
			return nil, fmt.Errorf("%s: two keys have become one, since a part of them is gone", path)
		}
		return data, nil
	}, nil
}

// number is a scalar that is read to be widened.
type number struct {
	signed   int64
	unsigned uint64
	float    float64
	complex  complex128
}

// kinds in which all values of another kind are found.
var wider = map[string][]string{
	"int8":      {"int16", "int32", "int64"},
	"int16":     {"int32", "int64"},
	"int32":     {"int64"},
	"uint8":     {"uint16", "uint32", "uint64", "int16", "int32", "int64"},
	"uint16":    {"uint32", "uint64", "int32", "int64"},
	"uint32":    {"uint64", "int64"},
	"float32":   {"float64"},
	"complex64": {"complex128"},
}

// widen reads a number that has become larger; nil if it has not.
func widen(from, to string) func([]byte, unsafe.Pointer, int) ([]byte, error) {
	for _, k := range wider[from] {
		if k != to {
			continue
		}
		size := scalars[from]
		return func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
			if len(data) < size {
				return nil, errCut
			}
			read(from, data).write(to, p)
			return data[size:], nil
		}
	}
	return nil
}

func read(kind string, data []byte) (n number) {
	native := binary.NativeEndian
	switch kind {
	case "int8":
		n.signed = int64(int8(data[0]))
	case "int16":
		n.signed = int64(int16(native.Uint16(data)))
	case "int32":
		n.signed = int64(int32(native.Uint32(data)))
	case "uint8":
		n.unsigned = uint64(data[0])
		n.signed = int64(n.unsigned)
	case "uint16":
		n.unsigned = uint64(native.Uint16(data))
		n.signed = int64(n.unsigned)
	case "uint32":
		n.unsigned = uint64(native.Uint32(data))
		n.signed = int64(n.unsigned)
	case "float32":
		n.float = float64(math.Float32frombits(native.Uint32(data)))
	case "complex64":
		n.complex = complex(float64(math.Float32frombits(native.Uint32(data))), float64(math.Float32frombits(native.Uint32(data[4:]))))
	}
	return n
}

func (n number) write(kind string, p unsafe.Pointer) {
	switch kind {
	case "int16":
		*(*int16)(p) = int16(n.signed)
	case "int32":
		*(*int32)(p) = int32(n.signed)
	case "int64":
		*(*int64)(p) = n.signed
	case "uint16":
		*(*uint16)(p) = uint16(n.unsigned)
	case "uint32":
		*(*uint32)(p) = uint32(n.unsigned)
	case "uint64":
		*(*uint64)(p) = n.unsigned
	case "float64":
		*(*float64)(p) = n.float
	case "complex128":
		*(*complex128)(p) = n.complex
	}
}
