package layout

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"unsafe"
)

func (c *compiler) sliceLayout(l *Layout, path string) error {
	t := l.of
	l.least = 1
	elem, err := c.compile(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	l.elem, l.inside = elem, []*Layout{elem}
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
		return elem.appendAll(binary.AppendUvarint(dst, uint64(h.len)+1), h.first, h.len, depth)
	}
	l.load = func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		if depth++; depth > maxDepth {
			return nil, errTooDeep
		}
		if n--; !elem.fits(n, len(data)) {
			return nil, errCut
		}
		s := reflect.MakeSlice(t, n, n)
		reflect.NewAt(t, p).Elem().Set(s)
		return elem.loadAll(data, (*header)(p).first, n, depth)
	}
	l.owned = func(p unsafe.Pointer, depth int) int {
		h := (*header)(p)
		if depth++; depth > maxMeasured {
			return 0
		}
		return h.cap*int(size) + elem.sumAll(h.first, h.len, depth)
	}
	return nil
}

// maxMeasured is how deep values are measured.
const maxMeasured = 16

func (c *compiler) pointerLayout(l *Layout, path string) error {
	t := l.of
	l.least = 1
	if c.keys {
		return fmt.Errorf("%s is a pointer: state on disk cannot be found by an address; use what it points to", path)
	}
	elem, err := c.compile(t.Elem(), path)
	if err != nil {
		return err
	}
	l.elem, l.inside = elem, []*Layout{elem}
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
	l.load = func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		set, data, err := flag(data)
		if err != nil || !set {
			return data, err
		}
		if depth++; depth > maxDepth {
			return nil, errTooDeep
		}
		to := reflect.New(t.Elem()).UnsafePointer()
		*(*unsafe.Pointer)(p) = to
		return elem.load(data, to, depth)
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

func (c *compiler) mapLayout(l *Layout, path string) error {
	t := l.of
	l.least = 1
	if byIdentity(t.Key()) {
		return unstorablef("%s is a map by %s, which compares addresses: it cannot be stored on disk or in a checkpoint", path, t.Key())
	}
	key, err := c.compile(t.Key(), path+"[key]")
	if err != nil {
		return err
	}
	elem, err := c.compile(t.Elem(), path+"[]")
	if err != nil {
		return err
	}
	l.key, l.elem, l.inside = key, elem, []*Layout{key, elem}
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
	l.load = func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		if depth++; depth > maxDepth {
			return nil, errTooDeep
		}
		if n--; n > max(len(data), 1)/max(key.least+elem.least, 1) {
			return nil, errCut
		}
		m := reflect.MakeMapWithSize(t, n)
		reflect.NewAt(t, p).Elem().Set(m)
		k, v := reflect.New(t.Key()), reflect.New(t.Elem())
		for range n {
			k.Elem().SetZero()
			v.Elem().SetZero()
			if data, err = key.load(data, k.UnsafePointer(), depth); err != nil {
				return nil, err
			}
			if data, err = elem.load(data, v.UnsafePointer(), depth); err != nil {
				return nil, err
			}
			m.SetMapIndex(k.Elem(), v.Elem())
		}
		if m.Len() != n {
			return nil, errDamaged // keys occur twice
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
