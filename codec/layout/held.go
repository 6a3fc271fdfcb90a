package layout

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// held is a type of which an interface has held a value.
type held struct {
	layout *Layout
	name   string // stored before the value
	sum    uint32 // of the schema, stored behind the name
}

// registry are such types. There are no more than the program has.
type registry struct {
	sync.RWMutex
	types map[reflect.Type]*held
	names map[string]*held
}

var dynamic, dynamicForKeys registry

func init() {
	for _, t := range []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[[]byte](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](), reflect.TypeFor[[]string](),
	} {
		if err := Register(t); err != nil {
			panic(err)
		}
	}
}

// Register makes a type known, so that values of it that interfaces held when
// another process stored them can be read. Types of Go itself and those that
// this process has stored are known. It is safe for concurrent use.
func Register(t reflect.Type) error {
	_, err := dynamic.of(t, false)
	if err == nil && t.Comparable() {
		_, _ = dynamicForKeys.of(t, true) // what cannot be a key is refused when it is used as one
	}
	return err
}

// of finds a type, and makes it known.
func (r *registry) of(t reflect.Type, keys bool) (*held, error) {
	r.RLock()
	h, ok := r.types[t]
	r.RUnlock()
	if ok {
		return h, nil
	}
	if t.Kind() == reflect.Pointer {
		return nil, fmt.Errorf("an interface holds a %s, which is an address: it cannot be stored on disk or in a checkpoint", t)
	}
	of := Of
	if keys {
		of = OfKey
	}
	l, err := of(t)
	if err != nil {
		return nil, err
	}
	r.Lock()
	defer r.Unlock()
	if h, ok = r.types[t]; ok {
		return h, nil
	}
	if r.types == nil {
		r.types, r.names = map[reflect.Type]*held{}, map[string]*held{}
	}
	name := nameOf(t)
	for n := 2; r.names[name] != nil; n++ { // declared in two functions
		name = nameOf(t) + "#" + strconv.Itoa(n)
	}
	sum := fnv.New32a()
	_, _ = sum.Write(l.Schema())
	h = &held{l, name, sum.Sum32()}
	r.types[t], r.names[name] = h, h
	return h, nil
}

func (r *registry) named(name []byte) (*held, bool) {
	r.RLock()
	defer r.RUnlock()
	h, ok := r.names[string(name)]
	return h, ok
}

// nameOf is the name of a type with the paths of packages.
func nameOf(t reflect.Type) string {
	if t.Name() != "" {
		if t.PkgPath() == "" {
			return t.Name()
		}
		return t.PkgPath() + "." + t.Name()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "[]" + nameOf(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + nameOf(t.Elem())
	case reflect.Pointer:
		return "*" + nameOf(t.Elem())
	case reflect.Map:
		return "map[" + nameOf(t.Key()) + "]" + nameOf(t.Elem())
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("struct{")
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(&b, "%s %s;", f.Name, nameOf(f.Type))
		}
		b.WriteString("}")
		return b.String()
	}
	return t.String()
}

// interfaceLayout stores an empty name for nil, or the name of the type, the
// checksum of its schema and the value.
func interfaceLayout(l *Layout) {
	t, known := l.of, &dynamic
	if l.keys {
		known = &dynamicForKeys
	}
	l.least = 1
	l.append = func(dst []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		v := reflect.NewAt(t, p).Elem()
		if v.IsNil() {
			return append(dst, 0), nil
		}
		if depth++; depth > maxDepth {
			return dst, errDeep
		}
		h, err := known.of(v.Elem().Type(), l.keys)
		if err != nil {
			return dst, err
		}
		own := reflect.New(h.layout.of)
		own.Elem().Set(v.Elem())
		dst = binary.LittleEndian.AppendUint32(appendText(dst, h.name), h.sum)
		return h.layout.append(dst, own.UnsafePointer(), depth)
	}
	l.load = func(data []byte, p unsafe.Pointer, depth int) ([]byte, error) {
		name, data, err := text(data)
		if err != nil || len(name) == 0 {
			return data, err
		}
		if depth++; depth > maxDepth {
			return nil, errTooDeep
		}
		h, ok := known.named(name)
		if !ok {
			return nil, fmt.Errorf("a stored %s holds a %q, which this program has not registered", t, name)
		}
		if !h.layout.of.AssignableTo(t) {
			return nil, fmt.Errorf("a stored %s holds a %s: it is damaged", t, h.layout.of)
		}
		if len(data) < 4 {
			return nil, errCut
		}
		if binary.LittleEndian.Uint32(data) != h.sum {
			return nil, fmt.Errorf("a stored %s holds a %s, which has changed since: change it back", t, h.layout.of)
		}
		data = data[4:]
		own := reflect.New(h.layout.of)
		if data, err = h.layout.load(data, own.UnsafePointer(), depth); err != nil {
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
		h, err := known.of(v.Elem().Type(), l.keys)
		if err != nil {
			return 0
		}
		own := reflect.New(h.layout.of)
		own.Elem().Set(v.Elem())
		return int(h.layout.of.Size()) + h.layout.sum(own.UnsafePointer(), depth)
	}
}
