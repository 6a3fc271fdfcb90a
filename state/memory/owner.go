package memory

import (
	"reflect"
	"strings"
	"unsafe"
)

// owner lists where a key type has strings, to copy them when a key enters a
// table: they may lie in memory that is reused or much larger.
type owner[K any] []uintptr

func ownerOf[K any]() owner[K] { return stringOffsets(nil, reflect.TypeFor[K](), 0) }

func stringOffsets(out []uintptr, t reflect.Type, base uintptr) []uintptr {
	switch t.Kind() {
	case reflect.String:
		out = append(out, base)
	case reflect.Array:
		if n := len(stringOffsets(nil, t.Elem(), 0)); n > 0 {
			for i := range t.Len() {
				out = stringOffsets(out, t.Elem(), base+uintptr(i)*t.Elem().Size())
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			out = stringOffsets(out, f.Type, base+f.Offset)
		}
	}
	return out
}

func (o owner[K]) copy(key *K) (bytes int64) {
	for _, offset := range o {
		s := (*string)(unsafe.Add(unsafe.Pointer(key), offset))
		*s = strings.Clone(*s)
		bytes += int64(len(*s))
	}
	return bytes
}

func (o owner[K]) bytes(key *K) (n int64) {
	for _, offset := range o {
		n += int64(len(*(*string)(unsafe.Add(unsafe.Pointer(key), offset))))
	}
	return n
}
