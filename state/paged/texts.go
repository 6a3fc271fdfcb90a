package paged

import (
	"reflect"
	"strings"
	"unsafe"
)

// texts is where values of a type have strings.
type texts []uintptr

// own copies the strings of a value, which may be parts of something larger, and
// returns how many bytes they have.
func (o texts) own(p unsafe.Pointer) (bytes int64) {
	for _, offset := range o {
		s := (*string)(unsafe.Add(p, offset))
		*s = strings.Clone(*s)
		bytes += int64(len(*s))
	}
	return bytes
}

// owned is how many bytes the strings of a value have.
func (o texts) owned(p unsafe.Pointer) (bytes int64) {
	for _, offset := range o {
		bytes += int64(len(*(*string)(unsafe.Add(p, offset))))
	}
	return bytes
}

func textsIn(out texts, t reflect.Type, base uintptr) texts {
	switch t.Kind() {
	case reflect.String:
		out = append(out, base)
	case reflect.Array:
		if len(textsIn(nil, t.Elem(), 0)) > 0 {
			for i := range t.Len() {
				out = textsIn(out, t.Elem(), base+uintptr(i)*t.Elem().Size())
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			out = textsIn(out, f.Type, base+f.Offset)
		}
	}
	return out
}
