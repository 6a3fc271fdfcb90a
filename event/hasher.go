package event

import (
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"github.com/zeebo/xxh3"
)

// HasherOf returns the hash function of a key type, compiled once per call of
// HasherOf: it does not allocate and is safe for concurrent use. Keys that
// compare equal have equal hashes; all NaNs have one hash, and so have 0 and -0.
//
// Keys are integers, strings, booleans, floating-point and complex numbers,
// and arrays and structs of those. Any other kind has no hash that would be
// the same in the next run: the error names the field and what to use instead.
func HasherOf[K comparable]() (func(*K) uint64, error) {
	t := reflect.TypeFor[K]()
	steps, err := compileHash(nil, t, 0, "")
	if err != nil {
		return nil, fmt.Errorf("event: %s cannot be a key: %w", t, err)
	}
	switch t.Kind() {
	case reflect.String:
		return func(k *K) uint64 { return HashString(*(*string)(unsafe.Pointer(k))) }, nil
	case reflect.Int64, reflect.Uint64:
		return func(k *K) uint64 { return HashUint64(*(*uint64)(unsafe.Pointer(k))) }, nil
	case reflect.Array, reflect.Struct:
	default: // scalars: one step, or two for complex numbers
		if len(steps) == 1 {
			read := steps[0].read
			return func(k *K) uint64 { return HashUint64(read(unsafe.Pointer(k))) }, nil
		}
	}
	if len(steps) == 1 && steps[0].bytes > 0 { // [N]byte, such as a UUID
		s := steps[0]
		return func(k *K) uint64 { return nonzero(s.value(unsafe.Pointer(k))) }, nil
	}
	return func(k *K) uint64 { return HashUint64(runHash(steps, unsafe.Pointer(k), 0)) }, nil
}

// hashStep hashes one part of a key. Exactly one of read, bytes, elems is set.
type hashStep struct {
	offset uintptr
	read   func(unsafe.Pointer) uint64
	bytes  int // length of an array of bytes
	// elems are the steps of one element of an array of count elements.
	elems  []hashStep
	count  int
	stride uintptr
}

func runHash(steps []hashStep, p unsafe.Pointer, h uint64) uint64 {
	for i := range steps {
		s := &steps[i]
		if s.elems != nil {
			for j := range s.count {
				h = runHash(s.elems, unsafe.Add(p, s.offset+uintptr(j)*s.stride), h)
			}
			continue
		}
		h = mix(h^s.value(p)^mixAdd, mixMul)
	}
	return h
}

func (s *hashStep) value(p unsafe.Pointer) uint64 {
	p = unsafe.Add(p, s.offset)
	if s.bytes > 0 {
		return xxh3.Hash(unsafe.Slice((*byte)(p), s.bytes))
	}
	return s.read(p)
}

func compileHash(steps []hashStep, t reflect.Type, offset uintptr, path string) ([]hashStep, error) {
	if t == timeType {
		return nil, unhashable(path, t, "which also compares its time zone; use its UnixNano() or an event.Time")
	}
	scalar := func(read func(unsafe.Pointer) uint64) ([]hashStep, error) {
		return append(steps, hashStep{offset: offset, read: read}), nil
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Uint8:
		return scalar(readInt[uint8])
	case reflect.Uint16:
		return scalar(readInt[uint16])
	case reflect.Uint32:
		return scalar(readInt[uint32])
	case reflect.Uint64:
		return scalar(readInt[uint64])
	case reflect.Uint:
		return scalar(readInt[uint])
	case reflect.Uintptr:
		return scalar(readInt[uintptr])
	case reflect.Int8:
		return scalar(readInt[int8])
	case reflect.Int16:
		return scalar(readInt[int16])
	case reflect.Int32:
		return scalar(readInt[int32])
	case reflect.Int64:
		return scalar(readInt[int64])
	case reflect.Int:
		return scalar(readInt[int])
	case reflect.Float32:
		return scalar(readFloat[float32])
	case reflect.Float64:
		return scalar(readFloat[float64])
	case reflect.Complex64:
		return append(steps, hashStep{offset: offset, read: readFloat[float32]},
			hashStep{offset: offset + 4, read: readFloat[float32]}), nil
	case reflect.Complex128:
		return append(steps, hashStep{offset: offset, read: readFloat[float64]},
			hashStep{offset: offset + 8, read: readFloat[float64]}), nil
	case reflect.String:
		return scalar(func(p unsafe.Pointer) uint64 { return xxh3.HashString(*(*string)(p)) })
	case reflect.Array:
		return compileArray(steps, t, offset, path)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" { // == ignores it
				continue
			}
			name := f.Name
			if path != "" {
				name = path + "." + name
			}
			var err error
			if steps, err = compileHash(steps, f.Type, offset+f.Offset, name); err != nil {
				return nil, err
			}
		}
		return steps, nil
	case reflect.Pointer, reflect.UnsafePointer:
		return nil, unhashable(path, t, "a pointer, which differs from run to run; use the value or an id")
	case reflect.Interface:
		return nil, unhashable(path, t, "an interface, which can hold a value of any type; use a concrete type")
	}
	return nil, unhashable(path, t, "a "+t.Kind().String()+", which differs from run to run; use a name or an id")
}

func compileArray(steps []hashStep, t reflect.Type, offset uintptr, path string) ([]hashStep, error) {
	elem := t.Elem()
	if elem.Kind() == reflect.Uint8 && t.Len() > 0 {
		return append(steps, hashStep{offset: offset, bytes: t.Len()}), nil
	}
	elems, err := compileHash(nil, elem, 0, path+"[]")
	if err != nil || t.Len() == 0 || len(elems) == 0 {
		return steps, err
	}
	return append(steps, hashStep{offset: offset, elems: elems, count: t.Len(), stride: elem.Size()}), nil
}

func unhashable(path string, t reflect.Type, why string) error {
	if path == "" {
		return fmt.Errorf("it is %s, %s", t, why)
	}
	return fmt.Errorf("%s is %s, %s", path, t, why)
}

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~uintptr | ~int8 | ~int16 | ~int32 | ~int64 | ~int
}

func readInt[T integer](p unsafe.Pointer) uint64 { return uint64(*(*T)(p)) }

func readFloat[T float32 | float64](p unsafe.Pointer) uint64 {
	f := float64(*(*T)(p))
	switch {
	case f == 0:
		return 0
	case f != f:
		return 0x7ff8000000000001
	}
	return math.Float64bits(f)
}
