package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
)

// scalarCodec is the default for booleans, numbers and strings, and for types
// that are made of one: it is short, and quick to read and to write. A number
// is read as one of another width or sign if it fits.
type scalarCodec[T any] struct {
	kind  reflect.Kind // of T
	reads scalar
}

// scalar is how a value is stored; it is the schema too.
type scalar string

const (
	scalarBool    scalar = "bool"    // a byte, 0 or 1
	scalarInt     scalar = "int"     // zigzag varint
	scalarUint    scalar = "uint"    // uvarint
	scalarFloat32 scalar = "float32" // 4 bytes, little endian
	scalarFloat64 scalar = "float64" // 8 bytes, little endian
	scalarString  scalar = "string"  // its bytes
)

// scalarOf is how values of a kind are written, empty if they are no scalars.
func scalarOf(k reflect.Kind) scalar {
	switch k {
	case reflect.Bool:
		return scalarBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scalarInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return scalarUint
	case reflect.Float32:
		return scalarFloat32
	case reflect.Float64:
		return scalarFloat64
	case reflect.String:
		return scalarString
	}
	return ""
}

// newScalar returns nil for types that are no scalars.
func newScalar[T any]() codec.Codec[T] {
	kind := reflect.TypeFor[T]().Kind()
	if s := scalarOf(kind); s != "" {
		return &scalarCodec[T]{kind, s}
	}
	return nil
}

// Append implements codec.Codec.
func (c *scalarCodec[T]) Append(dst []byte, v *T) ([]byte, error) {
	return appendScalar(dst, c.kind, unsafe.Pointer(v)), nil
}

// Decode implements codec.Codec.
func (c *scalarCodec[T]) Decode(data []byte, v *T) error {
	return readScalar(data, c.reads, c.kind, reflect.TypeFor[T], unsafe.Pointer(v))
}

// Schema implements codec.Evolving.
func (c *scalarCodec[T]) Schema() string { return string(scalarOf(c.kind)) }

// ForWriter implements codec.Evolving.
func (c *scalarCodec[T]) ForWriter(schema string) (codec.Codec[T], error) {
	from, own := scalar(schema), scalarOf(c.kind)
	whole := from == scalarInt || from == scalarUint
	switch {
	case from == own,
		whole && (own == scalarInt || own == scalarUint || own == scalarFloat64),
		from == scalarFloat32 && own == scalarFloat64:
		return &scalarCodec[T]{c.kind, from}, nil
	}
	return nil, fmt.Errorf("its values were stored as %s, which cannot be read as %v: change the type back, or give the state another name to begin anew", schema, reflect.TypeFor[T]())
}

func appendScalar(dst []byte, kind reflect.Kind, p unsafe.Pointer) []byte {
	switch kind {
	case reflect.Bool:
		if *(*bool)(p) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Int:
		return binary.AppendVarint(dst, int64(*(*int)(p)))
	case reflect.Int8:
		return binary.AppendVarint(dst, int64(*(*int8)(p)))
	case reflect.Int16:
		return binary.AppendVarint(dst, int64(*(*int16)(p)))
	case reflect.Int32:
		return binary.AppendVarint(dst, int64(*(*int32)(p)))
	case reflect.Int64:
		return binary.AppendVarint(dst, *(*int64)(p))
	case reflect.Uint:
		return binary.AppendUvarint(dst, uint64(*(*uint)(p)))
	case reflect.Uint8:
		return binary.AppendUvarint(dst, uint64(*(*uint8)(p)))
	case reflect.Uint16:
		return binary.AppendUvarint(dst, uint64(*(*uint16)(p)))
	case reflect.Uint32:
		return binary.AppendUvarint(dst, uint64(*(*uint32)(p)))
	case reflect.Uint64:
		return binary.AppendUvarint(dst, *(*uint64)(p))
	case reflect.Uintptr:
		return binary.AppendUvarint(dst, uint64(*(*uintptr)(p)))
	case reflect.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(*(*float32)(p)))
	case reflect.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(*(*float64)(p)))
	default:
		return append(dst, *(*string)(p)...)
	}
}

var errScalar = errors.New("a stored value is damaged")

// readScalar reads what was stored as from into the value of a kind at p.
func readScalar(data []byte, from scalar, kind reflect.Kind, name func() reflect.Type, p unsafe.Pointer) error {
	switch from {
	case scalarString:
		*(*string)(p) = string(data)
		return nil
	case scalarBool:
		if len(data) != 1 || data[0] > 1 {
			return errScalar
		}
		*(*bool)(p) = data[0] == 1
		return nil
	case scalarFloat32:
		if len(data) != 4 {
			return errScalar
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(data))
		if kind == reflect.Float64 {
			*(*float64)(p) = float64(f)
		} else {
			*(*float32)(p) = f
		}
		return nil
	case scalarFloat64:
		if len(data) != 8 {
			return errScalar
		}
		*(*float64)(p) = math.Float64frombits(binary.LittleEndian.Uint64(data))
		return nil
	}
	var n int64
	var u uint64
	var size int
	if from == scalarInt {
		n, size = binary.Varint(data)
		u = uint64(n)
	} else {
		u, size = binary.Uvarint(data)
		n = int64(u)
	}
	if size <= 0 || size != len(data) {
		return errScalar
	}
	// In the other sign it is the same number unless it is negative here.
	if !setWhole(kind, p, n, u, from == scalarInt, n >= 0) {
		if from == scalarInt {
			return fmt.Errorf("the stored number %d does not fit into %v", n, name())
		}
		return fmt.Errorf("the stored number %d does not fit into %v", u, name())
	}
	return nil
}

// setWhole sets the number at p. It is n if signed, and u otherwise; same tells
// that these are the same number. It returns false if it does not fit.
func setWhole(kind reflect.Kind, p unsafe.Pointer, n int64, u uint64, signed, same bool) bool {
	if kind == reflect.Float64 {
		f := float64(u)
		if signed {
			f = float64(n)
		}
		*(*float64)(p) = f
		return true
	}
	if !same && signed != (scalarOf(kind) == scalarInt) {
		return false
	}
	switch kind {
	case reflect.Int:
		*(*int)(p) = int(n)
		return int64(int(n)) == n
	case reflect.Int8:
		*(*int8)(p) = int8(n)
		return int64(int8(n)) == n
	case reflect.Int16:
		*(*int16)(p) = int16(n)
		return int64(int16(n)) == n
	case reflect.Int32:
		*(*int32)(p) = int32(n)
		return int64(int32(n)) == n
	case reflect.Int64:
		*(*int64)(p) = n
	case reflect.Uint:
		*(*uint)(p) = uint(u)
		return uint64(uint(u)) == u
	case reflect.Uint8:
		*(*uint8)(p) = uint8(u)
		return uint64(uint8(u)) == u
	case reflect.Uint16:
		*(*uint16)(p) = uint16(u)
		return uint64(uint16(u)) == u
	case reflect.Uint32:
		*(*uint32)(p) = uint32(u)
		return uint64(uint32(u)) == u
	case reflect.Uint64:
		*(*uint64)(p) = u
	case reflect.Uintptr:
		*(*uintptr)(p) = uintptr(u)
		return uint64(uintptr(u)) == u
	}
	return true
}
