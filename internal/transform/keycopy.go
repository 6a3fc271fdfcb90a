package transform

import (
	"reflect"
	"strings"
	"unsafe"
)

// keyCopier returns a function that makes a key independent of the memory that
// its strings lie in, nil when keys of that type have no strings.
func keyCopier[K comparable]() func(*K) {
	offsets := stringsIn(nil, reflect.TypeFor[K](), 0)
	if len(offsets) == 0 {
		return nil
	}
	return func(k *K) {
		for _, o := range offsets {
			s := (*string)(unsafe.Add(unsafe.Pointer(k), o))
			*s = strings.Clone(*s)
		}
	}
}

// stringsIn lists where values of a type have strings.
func stringsIn(out []uintptr, t reflect.Type, base uintptr) []uintptr {
	switch t.Kind() {
	case reflect.String:
		return append(out, base)
	case reflect.Array:
		for i := range t.Len() {
			before := len(out)
			out = stringsIn(out, t.Elem(), base+uintptr(i)*t.Elem().Size())
			if len(out) == before {
				return out
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			out = stringsIn(out, f.Type, base+f.Offset)
		}
	}
	return out
}
