package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/affluxdev/afflux/codec"
)

// Append adds the states of a slot to dst, encoded, as Load reads them.
func (s *Store) Append(slot uint32, dst []byte) ([]byte, error) {
	for _, c := range s.columns {
		at := len(dst)
		var err error
		if dst, err = c.append(slot, append(dst, 0)); err != nil {
			return dst, fmt.Errorf("state %q cannot be stored: %w", c.name(), err)
		}
		dst = closeFrame(dst, at)
	}
	return dst, nil
}

// Load replaces the states of a slot by those that Append has encoded in a
// store with the same states, declared in the same order. After an error the
// slot is to be released.
func (s *Store) Load(slot uint32, data []byte) error {
	for _, c := range s.columns {
		own, rest, err := openFrame(data)
		if err == nil {
			err = c.load(slot, own)
		}
		if err != nil {
			return fmt.Errorf("state %q cannot be read: %w", c.name(), err)
		}
		data = rest
	}
	return nil
}

// closeFrame writes the length of what follows a byte that was left free for
// it; what is longer than 127 bytes moves.
func closeFrame(dst []byte, at int) []byte {
	n := len(dst) - at - 1
	if n < 0x80 {
		dst[at] = byte(n)
		return dst
	}
	var size [binary.MaxVarintLen64]byte
	return slices.Replace(dst, at, at+1, size[:binary.PutUvarint(size[:], uint64(n))]...)
}

// openFrame divides data at the end of its first frame.
func openFrame(data []byte) (own, rest []byte, err error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || uint64(len(data)-size) < n {
		return nil, nil, errCut
	}
	data = data[size:]
	return data[:n], data[n:], nil
}

// appendUntil adds when something expires; what never does takes one byte.
func appendUntil(dst []byte, until int64) []byte {
	if until == forever {
		until = 0
	}
	return binary.AppendVarint(dst, until)
}

// readUntil returns what appendUntil has added and its length, 0 if there is
// none.
func readUntil(data []byte) (until int64, n int) {
	if until, n = binary.Varint(data); until == 0 {
		until = forever
	}
	return until, max(n, 0)
}

// appendFramed appends a value behind its length.
func appendFramed[T any](dst []byte, c codec.Codec[T], v *T) ([]byte, error) {
	at := len(dst)
	dst, err := c.Append(append(dst, 0), v)
	if err != nil {
		return dst[:at], err
	}
	return closeFrame(dst, at), nil
}

func readFramed[T any](data []byte, c codec.Codec[T], v *T) (rest []byte, err error) {
	own, rest, err := openFrame(data)
	if err != nil {
		return nil, err
	}
	return rest, c.Decode(own, v)
}
