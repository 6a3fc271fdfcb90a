package paged

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// keys names keys in the store of bytes: the hash, so that they are spread
// evenly and grouped by key group, and then the key.
type keys[K comparable] struct {
	codec   codec.Codec[K] // nil: strings as they are, and integers
	number  func(*K) uint64
	hash    func(*K) uint64 // of integers, which is had sooner than it is stored
	strings texts
}

func newKeys[K comparable]() (keys[K], error) {
	t := reflect.TypeFor[K]()
	if err := checkKey(t, t.String()); err != nil {
		return keys[K]{}, err
	}
	k := keys[K]{strings: textsIn(nil, t, 0), number: numberOf[K](t.Kind())}
	if k.number != nil {
		var err error
		k.hash, err = event.HasherOf[K]()
		return k, err
	}
	if t.Kind() == reflect.String {
		return k, nil
	}
	if c, err := codec.AvroOf[K](); err == nil {
		k.codec = c
	} else {
		k.codec = codec.JSON[K]()
	}
	return k, nil
}

// checkKey refuses keys of which equal ones could have different encodings, or
// different ones the same.
func checkKey(t reflect.Type, path string) error {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%s is a floating-point number: state on disk cannot be found by it; use an integer or a string", path)
	case reflect.Array:
		return checkKey(t.Elem(), path+"[]")
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() || f.Tag.Get("avro") == "-" || f.Tag.Get("json") == "-" {
				return fmt.Errorf("%s.%s is not encoded: state on disk cannot be found by it; export the field", path, f.Name)
			}
			if err := checkKey(f.Type, path+"."+f.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// topSize is how many bytes of the hash a name begins with.
const topSize = 4

// append adds the name of a key, whose hash has the high half top.
func (k *keys[K]) append(dst []byte, key *K, top uint32) ([]byte, error) {
	return k.encode(binary.BigEndian.AppendUint32(dst, top), key)
}

func (k *keys[K]) encode(dst []byte, key *K) ([]byte, error) {
	switch {
	case k.codec != nil:
		return k.codec.Append(dst, key)
	case k.number != nil:
		return binary.AppendUvarint(dst, k.number(key)), nil
	}
	return append(dst, *(*string)(unsafe.Pointer(key))...), nil
}

// numberOf reads keys that are integers, different ones as different numbers;
// nil for other kinds.
func numberOf[K comparable](kind reflect.Kind) func(*K) uint64 {
	switch kind {
	case reflect.Int:
		return readSigned[K, int]
	case reflect.Int8:
		return readSigned[K, int8]
	case reflect.Int16:
		return readSigned[K, int16]
	case reflect.Int32:
		return readSigned[K, int32]
	case reflect.Int64:
		return readSigned[K, int64]
	case reflect.Uint:
		return readUnsigned[K, uint]
	case reflect.Uint8:
		return readUnsigned[K, uint8]
	case reflect.Uint16:
		return readUnsigned[K, uint16]
	case reflect.Uint32:
		return readUnsigned[K, uint32]
	case reflect.Uint64:
		return readUnsigned[K, uint64]
	}
	return nil
}

func readUnsigned[K any, N uint | uint8 | uint16 | uint32 | uint64](k *K) uint64 {
	return uint64(*(*N)(unsafe.Pointer(k)))
}

// readSigned folds the sign into the lowest bit, so that small numbers are
// short.
func readSigned[K any, N int | int8 | int16 | int32 | int64](k *K) uint64 {
	n := int64(*(*N)(unsafe.Pointer(k)))
	return uint64(n)<<1 ^ uint64(n>>63)
}
