package state

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/codec"
)

// Option sets something for one state.
type Option func(*settings) error

// settings of a state.
type settings struct {
	ttl    int64 // nanoseconds of processing time, 0: for ever
	onRead bool
	codec  any
	key    any
	most   int // entries, 0: the default
}

// TTL lets a state, or each element of a list and each entry of a map, expire
// when it has not been written for d of processing time. What has expired is
// never returned, and is removed little by little. The clock is read once for
// a batch of records.
func TTL(d time.Duration) Option { return ttl(d, false) }

// TTLOnRead is TTL counted from the last time the state was read or written.
// Reading a list or walking over a map reads all of it.
func TTLOnRead(d time.Duration) Option { return ttl(d, true) }

func ttl(d time.Duration, onRead bool) Option {
	return func(s *settings) error {
		if d <= 0 {
			return fmt.Errorf("a time to live of %v: it must be positive", d)
		}
		s.ttl, s.onRead = int64(d), onRead
		return nil
	}
}

// Codec is how values of a state become bytes when they leave memory. The
// default is short bytes for booleans, numbers and strings, Avro with the schema
// of the Go type for structs, and JSON for types that have none.
func Codec[T any](c codec.Codec[T]) Option {
	return func(s *settings) error { s.codec = c; return nil }
}

// KeyCodec is Codec for the keys of a map.
func KeyCodec[T any](c codec.Codec[T]) Option {
	return func(s *settings) error { s.key = c; return nil }
}

// codecOf is the codec that was chosen, or the default.
func codecOf[T any](chosen any) (codec.Codec[T], error) {
	switch c := chosen.(type) {
	case nil:
		if c := newScalar[T](); c != nil {
			return c, nil
		}
		if c, err := codec.AvroOf[T](); err == nil {
			return c, nil
		}
		return codec.JSON[T](), nil
	case codec.Codec[T]:
		return c, nil
	}
	var zero T
	return nil, fmt.Errorf("the codec %T does not handle %T", chosen, zero)
}

// MaxEntries bounds a broadcast state, which every subtask keeps in memory. The
// default is 1048576 entries.
func MaxEntries(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("MaxEntries(%d): the number must be positive", n)
		}
		s.most = n
		return nil
	}
}
