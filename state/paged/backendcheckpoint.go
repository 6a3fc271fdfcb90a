package paged

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/state"
)

// Names under which the states of a backend are kept.
const (
	keptKeys      = "keys"
	keptBroadcast = "broadcast"
)

// schema describes the encoding of keys.
func (k *keys[K]) schema() []byte {
	t := reflect.TypeFor[K]()
	if k.codec == nil {
		return []byte(t.Kind().String())
	}
	if e, ok := k.codec.(codec.Evolving[K]); ok {
		return []byte("avro " + e.Schema())
	}
	return []byte("json " + t.String())
}

// Snapshot implements state.Backend.
func (b *backend[K]) Snapshot(s state.Snapshot) error {
	shared, err := b.store.AppendBroadcast(nil)
	if err != nil {
		return err
	}
	n, err := b.flush()
	if err != nil {
		return err
	}
	s.Blob(keptBroadcast, shared)
	return keep(s, keptKeys, b.kv, &head{Keys: b.names.schema(), States: b.store.Schema(), Len: n + b.away})
}

// flush stores the states of the keys in memory that have changed since they were
// last stored, and returns how many keys in memory have states.
func (b *backend[K]) flush() (n int, err error) {
	for slot := range b.index.all() {
		f := b.flags.at(slot)
		if b.changed(slot) {
			if err = b.save(slot, b.index.high(slot)); err != nil {
				return n, err
			}
			*f &^= touched
			b.store.Saved(slot)
		}
		if *f&stored != 0 {
			n++
		}
	}
	return n, nil
}

// Restore implements state.Backend.
func (b *backend[K]) Restore(r state.Restoration) error {
	err := takeUp(r, keptKeys, b.kv, &restoringKeys[K]{backend: b, drop: r.AllowUnclaimed()})
	if err != nil {
		return fmt.Errorf("keyed state cannot be restored: %w", err)
	}
	taken := false // all have the same
	return r.Everyone(keptBroadcast, func(_ int, data []byte) error {
		if taken {
			return nil
		}
		taken = true
		return b.store.LoadBroadcast(data, r.AllowUnclaimed())
	})
}

// restoringKeys takes up the states of keys.
type restoringKeys[K comparable] struct {
	*backend[K]
	drop   bool
	states *state.Stored
}

func (r *restoringKeys[K]) begin(h *head) (ready bool, err error) {
	switch want := r.names.schema(); {
	case h.Tables != nil:
		return false, errPiece
	case !bytes.Equal(h.Keys, want): // hashes would not be right any more
		return false, fmt.Errorf("keys were stored as %q and are now %q: keys cannot change their type", h.Keys, want)
	}
	if r.states, err = r.store.From(h.States, r.drop); err != nil {
		return false, err
	}
	return r.states.Same(), nil
}

// hash has only the half that names have.
func (r *restoringKeys[K]) hash(name []byte) (uint64, error) {
	if len(name) < topSize {
		return 0, errPiece
	}
	return uint64(binary.BigEndian.Uint32(name))<<32 | 1, nil
}

// take copies a row. What is converted is so once.
func (r *restoringKeys[K]) take(name, value []byte) error {
	if !r.states.Same() {
		slot := r.acquire()
		defer r.store.Release(slot)
		if err := r.states.Load(slot, value); err != nil {
			return err
		}
		if r.store.Empty(slot) {
			return nil // what it had is dropped
		}
		var err error
		if r.value, err = r.store.Append(slot, r.value[:0]); err != nil {
			return err
		}
		value = r.value
	}
	r.away++
	return r.kv.Set(name, value)
}

func (r *restoringKeys[K]) use(h *head) error {
	r.away = h.Len
	return nil
}
