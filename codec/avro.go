package codec

import (
	"fmt"

	"github.com/twmb/avro"
)

// Avro is a codec of one Avro datum a message, in the binary encoding without
// a header. Both sides use schema, as Avro JSON; the fields of T are matched
// by name or by the struct tag `avro`. To read what was written with an older
// schema use AvroResolved.
func Avro[T any](schema string) (Codec[T], error) {
	s, err := avro.Parse(schema)
	if err != nil {
		return nil, fmt.Errorf("avro schema: %w", err)
	}
	return &avroCodec[T]{read: s, write: s}, nil
}

// AvroResolved is a codec that reads data written with the schema writer as
// if it had been written with the schema reader, by the rules of Avro's schema
// resolution, and writes with the schema reader.
func AvroResolved[T any](writer, reader string) (Codec[T], error) {
	w, err := avro.Parse(writer)
	if err != nil {
		return nil, fmt.Errorf("avro schema of the writer: %w", err)
	}
	r, err := avro.Parse(reader)
	if err != nil {
		return nil, fmt.Errorf("avro schema of the reader: %w", err)
	}
	read, err := avro.Resolve(w, r)
	if err != nil {
		return nil, fmt.Errorf("avro schemas do not fit: %w", err)
	}
	return &avroCodec[T]{read: read, write: r}, nil
}

// AvroOf is a codec with the schema that follows from the Go type T.
func AvroOf[T any]() (Codec[T], error) {
	s, err := avro.SchemaFor[T]()
	if err != nil {
		return nil, fmt.Errorf("avro schema: %w", err)
	}
	return &avroCodec[T]{read: s, write: s}, nil
}

type avroCodec[T any] struct{ read, write *avro.Schema }

func (c *avroCodec[T]) Decode(data []byte, v *T) error {
	var zero T
	*v = zero
	rest, err := c.read.Decode(data, v)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("avro: %d bytes too many after the datum", len(rest))
	}
	return nil
}

func (c *avroCodec[T]) Append(dst []byte, v *T) ([]byte, error) {
	out, err := c.write.AppendEncode(dst, v)
	if err != nil {
		return dst, err
	}
	return out, nil
}
