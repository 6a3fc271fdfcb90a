package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec/layout"
)

// entry is how an entry of a table is stored: its hash, its key, its state.
type entry struct {
	flat    bool           // slots have no pointers
	key     *layout.Layout // of texts that are not in the slot as such too
	text    bool           // the key is a text of a slot
	keyAt   uintptr
	state   *layout.Layout
	stateAt uintptr
	// solid is the size of what is stored, if that is how a slot begins, in bytes:
	// such entries are packed. Otherwise it is 0.
	solid uintptr
}

// newEntry returns how entries of a table with these slots are stored; field
// numbers are those of the key and the state.
func newEntry(slot, key, state reflect.Type) (*entry, error) {
	e := &entry{flat: !hasPointers(slot), text: key.Kind() == reflect.String, stateAt: stateAt}
	var err error
	if e.key, err = stored(key); err != nil {
		return nil, fmt.Errorf("keys cannot be in a checkpoint: %w", err)
	}
	if e.state, err = stored(state); err != nil {
		return nil, fmt.Errorf("states cannot be in a checkpoint: %w", err)
	}
	if !e.text {
		k, _ := slot.FieldByName("key")
		s, _ := slot.FieldByName("state")
		e.keyAt, e.stateAt = k.Offset, s.Offset
		one := [2]byte{1}
		if e.flat && e.keyAt == 8 && e.stateAt == e.keyAt+key.Size() && binary.NativeEndian.Uint16(one[:]) == 1 {
			e.solid = e.stateAt + state.Size()
		}
	}
	return e, nil
}

func stored(t reflect.Type) (*layout.Layout, error) {
	l, err := layout.Of(t)
	if err != nil {
		return nil, err
	}
	return l, l.Portable()
}

func (e *entry) append(dst []byte, slot unsafe.Pointer, texts *arena) (_ []byte, err error) {
	dst = binary.LittleEndian.AppendUint64(dst, *(*uint64)(slot))
	if e.text {
		key := (*stringSlot)(slot).key.view(texts)
		dst = append(binary.AppendUvarint(dst, uint64(len(key))), key...)
	} else if dst, err = e.key.Append(dst, unsafe.Add(slot, e.keyAt)); err != nil {
		return dst, fmt.Errorf("a key cannot be in a checkpoint: %w", err)
	}
	if dst, err = e.state.Append(dst, unsafe.Add(slot, e.stateAt)); err != nil {
		return dst, fmt.Errorf("the state of a key cannot be in a checkpoint: %w", err)
	}
	return dst, nil
}

var errCut = errors.New("the stored entries are damaged")

// load reads an entry into a zero key and a zero state. A key that is a string
// is a part of data.
func (e *entry) load(data []byte, key, state unsafe.Pointer, from *layout.Decoder) (hash uint64, rest []byte, err error) {
	if len(data) < 8 {
		return 0, nil, errCut
	}
	hash, data = binary.LittleEndian.Uint64(data), data[8:]
	if hash == 0 {
		return 0, nil, errCut
	}
	if e.text {
		n, w := binary.Uvarint(data)
		if w <= 0 || n > uint64(len(data)-w) {
			return 0, nil, errCut
		}
		text := data[w:]
		if n > 0 {
			*(*string)(key) = unsafe.String(unsafe.SliceData(text), int(n))
		}
		data = text[n:]
	} else if data, err = e.key.Load(data, key); err != nil {
		return 0, nil, err
	}
	data, err = from.Load(data, state)
	return hash, data, err
}
