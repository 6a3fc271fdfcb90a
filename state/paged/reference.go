package paged

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

func (c *compiler) sliceLayout(l *layout, t reflect.Type, path string) error {
	elem, err := c.compile(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	size := t.Elem().Size()
	type header struct {
		first    unsafe.Pointer
		len, cap int
	}
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		h := (*header)(p)
		if h.first == nil {
			return append(dst, 0), nil
		}
		if depth++; depth > maxDepth {
			return dst, errDeep
		}
		return elem.appendAll(binary.AppendUvarint(dst, uint64(h.len)+1), h.first, h.len, size, depth)
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		if n--; size > 0 && n > len(data) {
			return nil, errCut
		}
		s := reflect.MakeSlice(t, n, n)
		reflect.NewAt(t, p).Elem().Set(s)
		return elem.loadAll(data, (*header)(p).first, n, size)
	}
	l.owned = func(p unsafe.Pointer, depth int) int {
		h := (*header)(p)
		if depth++; depth > maxMeasured {
			return 0
		}
		return h.cap*int(size) + elem.sumAll(h.first, h.len, size, depth)
	}
	return nil
}

// maxMeasured is how deep values are measured.
const maxMeasured = 16

func (c *compiler) pointerLayout(l *layout, t reflect.Type, path string) error {
	elem, err := c.compile(t.Elem(), path)
	if err != nil {
		return err
	}
	size := int(t.Elem().Size())
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		to := *(*unsafe.Pointer)(p)
		if to == nil {
			return append(dst, 0), nil
		}
		if depth++; depth > maxDepth {
			return dst, errDeep
		}
		return elem.append(append(dst, 1), to, depth)
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		to := reflect.New(t.Elem()).UnsafePointer()
		*(*unsafe.Pointer)(p) = to
		return elem.load(data, to)
	}
	l.owned = func(p unsafe.Pointer, depth int) int {
		to := *(*unsafe.Pointer)(p)
		if depth++; to == nil || depth > maxMeasured {
			return 0
		}
		return size + elem.sum(to, depth)
	}
	return nil
}

// mapSlot is about what an entry of a map takes beside its key and value.
const mapSlot = 8

func (c *compiler) mapLayout(l *layout, t reflect.Type, path string) error {
	if byIdentity(t.Key()) {
		return fmt.Errorf("%s is a map by %s, which compares addresses: state on disk cannot hold it", path, t.Key())
	}
	key, err := c.compile(t.Key(), path+"[key]")
	if err != nil {
		return err
	}
	elem, err := c.compile(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	l.append = func(dst []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
		m := reflect.NewAt(t, p).Elem()
		if m.IsNil() {
			return append(dst, 0), nil
		}
		if depth++; depth > maxDepth {
			return dst, errDeep
		}
		dst = binary.AppendUvarint(dst, uint64(m.Len())+1)
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for it := m.MapRange(); it.Next(); {
			k.Elem().SetIterKey(it)
			v.Elem().SetIterValue(it)
			if dst, err = key.append(dst, k.UnsafePointer(), depth); err != nil {
				return dst, err
			}
			if dst, err = elem.append(dst, v.UnsafePointer(), depth); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		n--
		m := reflect.MakeMapWithSize(t, min(n, len(data)+1))
		reflect.NewAt(t, p).Elem().Set(m)
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for range n {
			k.Elem().SetZero()
			v.Elem().SetZero()
			if data, err = key.load(data, k.UnsafePointer()); err != nil {
				return nil, err
			}
			if data, err = elem.load(data, v.UnsafePointer()); err != nil {
				return nil, err
			}
			m.SetMapIndex(k.Elem(), v.Elem())
		}
		return data, nil
	}
	slot := int(t.Key().Size()+t.Elem().Size()) + mapSlot
	l.owned = func(p unsafe.Pointer, depth int) int {
		m := reflect.NewAt(t, p).Elem()
		if depth++; m.IsNil() || depth > maxMeasured {
			return 0
		}
		sum := m.Len() * slot
		if key.owned == nil && elem.owned == nil {
			return sum
		}
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		seen, inside := 0, 0
		for it := m.MapRange(); seen < sampled && it.Next(); seen++ {
			k.Elem().SetIterKey(it)
			v.Elem().SetIterValue(it)
			inside += key.sum(k.UnsafePointer(), depth) + elem.sum(v.UnsafePointer(), depth)
		}
		return sum + int(float64(inside)/float64(max(seen, 1))*float64(m.Len()))
	}
	return nil
}

// byIdentity tells whether equal values of a type are those at one address.
func byIdentity(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.Interface, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return byIdentity(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i).Type; !isShared(f) && byIdentity(f) {
				return true
			}
		}
	}
	return false
}

// dynamic are the types that interfaces have held, by number. There are no more
// than the program has.
var dynamic = struct {
	sync.Mutex
	numbers map[reflect.Type]int
	types   []reflect.Type
	layouts []*layout
}{numbers: map[reflect.Type]int{}}

func numberOfType(t reflect.Type) (int, *layout, error) {
	dynamic.Lock()
	defer dynamic.Unlock()
	if n, ok := dynamic.numbers[t]; ok {
		return n, dynamic.layouts[n], nil
	}
	if t.Kind() == reflect.Pointer {
		return 0, nil, fmt.Errorf("an interface holds a %s, which is an address: state on disk cannot hold it", t)
	}
	c := compiler{known: map[reflect.Type]*layout{}}
	l, err := c.compile(t, t.String())
	if err != nil {
		return 0, nil, err
	}
	n := len(dynamic.types)
	dynamic.numbers[t], dynamic.types, dynamic.layouts = n, append(dynamic.types, t), append(dynamic.layouts, l)
	return n, l, nil
}

func typeNumbered(n int) (reflect.Type, *layout, bool) {
	dynamic.Lock()
	defer dynamic.Unlock()
	if n < 0 || n >= len(dynamic.types) {
		return nil, nil, false
	}
	return dynamic.types[n], dynamic.layouts[n], true
}

// interfaceLayout stores the type of the value before it.
func interfaceLayout(l *layout, t reflect.Type) {
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		v := reflect.NewAt(t, p).Elem()
		if v.IsNil() {
			return append(dst, 0), nil
		}
		if depth++; depth > maxDepth {
			return dst, errDeep
		}
		n, held, err := numberOfType(v.Elem().Type())
		if err != nil {
			return dst, err
		}
		own := reflect.New(v.Elem().Type())
		own.Elem().Set(v.Elem())
		return held.append(binary.AppendUvarint(dst, uint64(n)+1), own.UnsafePointer(), depth)
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		of, held, ok := typeNumbered(n - 1)
		if !ok {
			return nil, fmt.Errorf("the stored state has a value of an unknown type")
		}
		own := reflect.New(of)
		if data, err = held.load(data, own.UnsafePointer()); err != nil {
			return nil, err
		}
		reflect.NewAt(t, p).Elem().Set(own.Elem())
		return data, nil
	}
	l.owned = func(p unsafe.Pointer, depth int) int {
		v := reflect.NewAt(t, p).Elem()
		if depth++; v.IsNil() || depth > maxMeasured {
			return 0
		}
		_, held, err := numberOfType(v.Elem().Type())
		if err != nil {
			return 0
		}
		own := reflect.New(v.Elem().Type())
		own.Elem().Set(v.Elem())
		return int(own.Elem().Type().Size()) + held.sum(own.UnsafePointer(), depth)
	}
}
