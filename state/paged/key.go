package paged

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/affluxdev/afflux/codec"
)

// keys encodes keys: the hash, so that they are spread evenly and grouped by
// key group, and then the key.
type keys[K comparable] struct {
	codec codec.Codec[K] // nil: strings as they are
}

func newKeys[K comparable]() (keys[K], error) {
	t := reflect.TypeFor[K]()
	if err := checkKey(t, t.String()); err != nil {
		return keys[K]{}, err
	}
	if t.Kind() == reflect.String {
		return keys[K]{}, nil
	}
	if c, err := codec.AvroOf[K](); err == nil {
		return keys[K]{c}, nil
	}
	return keys[K]{codec.JSON[K]()}, nil
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

func (k keys[K]) append(dst []byte, key *K, hash uint64) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, hash)
	if k.codec == nil {
		return append(dst, reflect.ValueOf(*key).String()...), nil
	}
	return k.codec.Append(dst, key)
}
