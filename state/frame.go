package state

import (
	"encoding/binary"
	"fmt"

	"github.com/affluxdev/afflux/codec"
)

// Append adds the states of a slot to dst, encoded, as Load reads them.
func (s *Store) Append(slot uint32, dst []byte) ([]byte, error) {
	for _, c := range s.columns {
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		var err error
		if dst, err = c.append(slot, dst); err != nil {
			return dst, fmt.Errorf("state %q cannot be stored: %w", c.name(), err)
		}
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst, nil
}

// Load replaces the states of a slot by those that Append has encoded in a
// store with the same states, declared in the same order. After an error the
// slot is to be released.
func (s *Store) Load(slot uint32, data []byte) error {
	for _, c := range s.columns {
		if len(data) < 4 {
			return fmt.Errorf("state %q cannot be read: %w", c.name(), errCut)
		}
		n := uint64(binary.LittleEndian.Uint32(data))
		if data = data[4:]; uint64(len(data)) < n {
			return fmt.Errorf("state %q cannot be read: %w", c.name(), errCut)
		}
		if err := c.load(slot, data[:n]); err != nil {
			return fmt.Errorf("state %q cannot be read: %w", c.name(), err)
		}
		data = data[n:]
	}
	return nil
}

// appendFramed appends a value behind its length.
func appendFramed[T any](dst []byte, c codec.Codec[T], v *T) ([]byte, error) {
	at := len(dst)
	dst, err := c.Append(append(dst, 0, 0, 0, 0), v)
	if err != nil {
		return dst[:at], err
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, nil
}

func readFramed[T any](data []byte, c codec.Codec[T], v *T) (rest []byte, err error) {
	if len(data) < 4 {
		return nil, errCut
	}
	n := uint64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; uint64(len(data)) < n {
		return nil, errCut
	}
	return data[n:], c.Decode(data[:n], v)
}
