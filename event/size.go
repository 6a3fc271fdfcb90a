package event

import (
	"reflect"
	"time"
	"unsafe"
)

// payloadOf compiles the function that sums the memory a T owns outside of
// its fixed size, or returns nil when there is none.
func payloadOf[T any]() func(*T) int {
	if _, ok := any(new(T)).(Sized); ok {
		return func(v *T) int { return any(v).(Sized).PayloadBytes() }
	}
	t := reflect.TypeFor[T]()
	if !hasPointers(t) {
		return nil
	}
	if fields, ok := flatStrings(t, 0, nil); ok {
		switch len(fields) {
		case 1:
			off := fields[0]
			return func(v *T) int { return *lenAt(unsafe.Pointer(v), off) }
		default:
			return func(v *T) int {
				n := 0
				for _, off := range fields {
					n += *lenAt(unsafe.Pointer(v), off)
				}
				return n
			}
		}
	}
	return func(v *T) int { return walk(reflect.ValueOf(v).Elem(), 0) }
}

// lenAt reads the length word of the string or slice header at an offset.
func lenAt(p unsafe.Pointer, off uintptr) *int {
	return (*int)(unsafe.Add(p, off+unsafe.Sizeof(uintptr(0))))
}

// flatStrings lists the offsets of strings and byte slices in t; it reports
// false when t has pointers of other kinds.
func flatStrings(t reflect.Type, base uintptr, out []uintptr) ([]uintptr, bool) {
	switch {
	case !hasPointers(t):
		return out, true
	case t == timeType: // the location is shared: it is not the record's own
		return out, true
	case t.Kind() == reflect.String, t.Kind() == reflect.Slice && t.Elem().Size() == 1 && !hasPointers(t.Elem()):
		return append(out, base), true
	case t.Kind() == reflect.Struct:
		ok := true
		for i := 0; ok && i < t.NumField(); i++ {
			f := t.Field(i)
			out, ok = flatStrings(f.Type, base+f.Offset, out)
		}
		return out, ok
	}
	return nil, false
}

// maxDepth bounds the walk of recursive values.
const maxDepth = 16

func walk(v reflect.Value, depth int) int {
	if depth > maxDepth {
		return 0
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		if v.IsNil() {
			return 0
		}
		n := v.Len() * int(v.Type().Elem().Size())
		if hasPointers(v.Type().Elem()) {
			for i := range v.Len() {
				n += walk(v.Index(i), depth+1)
			}
		}
		return n
	case reflect.Array:
		n := 0
		if hasPointers(v.Type().Elem()) {
			for i := range v.Len() {
				n += walk(v.Index(i), depth+1)
			}
		}
		return n
	case reflect.Map:
		if v.IsNil() {
			return 0
		}
		each := int(v.Type().Key().Size()+v.Type().Elem().Size()) + 8
		n := 48 + v.Len()*each
		for it := v.MapRange(); it.Next(); {
			n += walk(it.Key(), depth+1) + walk(it.Value(), depth+1)
		}
		return n
	case reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		if v.Type().Elem() == locationType {
			return 0
		}
		return int(v.Type().Elem().Size()) + walk(v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return int(v.Elem().Type().Size()) + walk(v.Elem(), depth+1)
	case reflect.Struct:
		if v.Type() == timeType {
			return 0
		}
		n := 0
		for i := range v.NumField() {
			n += walk(v.Field(i), depth+1)
		}
		return n
	}
	return 0
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	locationType = reflect.TypeFor[time.Location]()
)
