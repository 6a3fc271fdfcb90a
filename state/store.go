package state

import (
	"errors"
	"fmt"
)

// Store holds the states that an operator has declared, for the keys of a
// subtask that are in memory. A key has a slot, a small number that a Backend
// gives out; each state is a column of cells addressed by slot. So one look-up
// of a key finds all of its states, and columns of pointer-free types are
// pointer-free.
//
// A Store belongs to one task and is not safe for concurrent use.
type Store struct {
	columns []column
	shared  []shared
	names   map[string]bool
	errs    []error
	sealed  bool

	slot  uint32  // of the current key
	now   int64   // processing time, nanoseconds
	held  []uint8 // states of a slot, and changed
	pins  []int32 // of a slot; shorter if none of the others was ever pinned
	free  []uint32
	exact bool // changes are seen
	ttl   bool
	waste uint64 // keeps the loads of Warm
	open  bool   // broadcast states may be changed

	frozen *Frozen // snapshots that are being written, mostly none

	bounded bool // of a broadcast state
	most    int  // its entries, 0: the default
}

// What is held for a slot: the number of its states, and a bit that says whether
// they were changed since Saved. Slots come and go, so a state of a slot that is
// not in use is empty.
const (
	changed  = 1 << 7
	released = changed - 1

	// MostStates is how many states of keys an operator may have.
	MostStates = released - 1
)

// column is a state without its type.
type column interface {
	name() string
	// grow makes room for n slots.
	grow(n int)
	// exact tells whether every change is told to the store: nothing that reading
	// gives out can be changed in place.
	exact() bool
	// warm loads what access to these slots touches first.
	warm(slots []uint32) uint64
	// drop empties a slot.
	drop(slot uint32)
	// expire removes from a slot what has expired, a bounded amount of work.
	expire(slot uint32)
	expireAll(slot uint32)
	// append encodes the contents of a slot, and load replaces them.
	append(slot uint32, dst []byte) ([]byte, error)
	load(slot uint32, data []byte) error
	// view returns the same cells, to be encoded by another goroutine while some
	// that it does not look at change.
	view() column
	entries() int64
	bytes() int64
	evolving
}

// NewStore returns a store without states.
func NewStore() *Store { return &Store{names: map[string]bool{}, exact: true} }

// declare registers a state.
func (s *Store) declare(name string, options []Option) settings {
	var set settings
	switch {
	case s.sealed:
		s.errs = append(s.errs, fmt.Errorf("state %q is declared too late: declare states in Open", name))
	case name == "":
		s.errs = append(s.errs, errors.New("a state has no name: it is restored by it"))
	case s.names[name]:
		s.errs = append(s.errs, fmt.Errorf("two states are called %q: names must be unique in an operator", name))
	}
	s.names[name] = true
	for _, o := range options {
		if err := o(&set); err != nil {
			s.errs = append(s.errs, fmt.Errorf("state %q: %w", name, err))
		}
	}
	if set.most != 0 && !s.bounded {
		s.errs = append(s.errs, fmt.Errorf("state %q: MaxEntries is for broadcast states only", name))
	}
	s.most = set.most
	s.ttl = s.ttl || set.ttl > 0
	return set
}

func (s *Store) add(c column) {
	c.grow(len(s.held))
	s.columns = append(s.columns, c)
	s.exact = s.exact && c.exact()
	if len(s.columns) == MostStates+1 {
		s.errs = append(s.errs, fmt.Errorf("state %q is one too many: an operator may have %d; keep several values in a struct or a map", c.name(), MostStates))
	}
}

// Seal ends the declarations and returns what was wrong with them.
func (s *Store) Seal() error {
	s.sealed = true
	return errors.Join(s.errs...)
}

// Expires tells whether any state has a time to live, so that the clock
// matters.
func (s *Store) Expires() bool { return s.ttl }

// SetNow sets the processing time, nanoseconds since the Unix epoch and not
// negative. It must not go back.
func (s *Store) SetNow(now int64) { s.now = max(now, s.now) }

// Use makes a slot that is in use the one of the current key.
func (s *Store) Use(slot uint32) { s.slot = slot }

// Acquire takes a free slot into use; its states are empty.
func (s *Store) Acquire() uint32 {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		s.held[slot] = 0
		return slot
	}
	slot := uint32(len(s.held))
	s.held = append(s.held, 0)
	if slot%pageSize == 0 {
		for _, c := range s.columns {
			c.grow(len(s.held))
		}
	}
	return slot
}

// Release empties a slot and makes it free. A slot that is free stays so.
func (s *Store) Release(slot uint32) {
	if s.held[slot] == released {
		return
	}
	if int(slot) < len(s.pins) {
		s.pins[slot] = 0
	}
	if !s.Empty(slot) {
		s.keep(slot)
		for _, c := range s.columns {
			c.drop(slot)
		}
	}
	s.held[slot] = released
	s.free = append(s.free, slot)
}

// gained and lost note that a slot has a state more or less.
func (s *Store) gained(slot uint32) { s.held[slot] = (s.held[slot] + 1) | changed }
func (s *Store) lost(slot uint32)   { s.held[slot] = (s.held[slot] - 1) | changed }

// change notes that a state of a slot is about to be changed.
func (s *Store) change(slot uint32) { s.held[slot] |= changed }

// Exact tells whether Changed can be relied on. It cannot if there are states
// that own memory which those who read them could change. It is called after
// Seal.
func (s *Store) Exact() bool { return s.exact }

// Changed tells whether a state of a slot may have been changed since Saved was
// called, or the slot was acquired. Of a store that is not Exact that says
// nothing.
func (s *Store) Changed(slot uint32) bool { return s.held[slot]&changed != 0 }

// Saved says that the states of a slot are elsewhere as they are now. A backend
// calls it when no pointer to them is valid.
func (s *Store) Saved(slot uint32) { s.held[slot] &^= changed }

// Unused tells whether a slot is in use for nothing: it holds no state and is
// not pinned.
func (s *Store) Unused(slot uint32) bool { return s.Empty(slot) && !s.Pinned(slot) }

// Empty tells whether a slot that is in use holds no state: it is pinned at
// most.
func (s *Store) Empty(slot uint32) bool { return s.held[slot]&^changed == 0 }

// Pin keeps a slot in use until as many calls of Unpin, for what refers to the
// key by its slot, like a timer.
func (s *Store) Pin(slot uint32) {
	if n := int(slot) + 1 - len(s.pins); n > 0 {
		s.pins = append(s.pins, make([]int32, n)...)
	}
	s.pins[slot]++
}

// Unpin takes a Pin back.
func (s *Store) Unpin(slot uint32) { s.pins[slot]-- }

// Pinned tells whether a slot is pinned.
func (s *Store) Pinned(slot uint32) bool { return int(slot) < len(s.pins) && s.pins[slot] > 0 }

// Warm brings the states of slots into the cache, so that the misses of many
// keys overlap.
func (s *Store) Warm(slots []uint32) {
	for _, c := range s.columns {
		s.waste += c.warm(slots)
	}
	for _, slot := range slots {
		s.waste += uint64(s.held[slot])
	}
}

// Expire removes from a slot what has expired. The work is bounded: a map of
// more than 16 entries takes several calls.
func (s *Store) Expire(slot uint32) {
	if s.ttl && !s.Empty(slot) {
		s.keep(slot)
		for _, c := range s.columns {
			c.expire(slot)
		}
	}
}

// ExpireAll is Expire for as much as there is.
func (s *Store) ExpireAll(slot uint32) {
	if s.ttl && !s.Empty(slot) {
		s.keep(slot)
		for _, c := range s.columns {
			c.expireAll(slot)
		}
	}
}

// Bytes is the memory that the store holds, free room included, and what its
// values own.
func (s *Store) Bytes() int64 {
	n := int64(cap(s.held)) + int64(cap(s.pins)+cap(s.free))*4
	for _, c := range s.columns {
		n += c.bytes()
	}
	for i := range s.shared {
		n += s.shared[i].own.Bytes()
	}
	return n
}

// Keyed tells whether the store has states of keys.
func (s *Store) Keyed() bool { return len(s.columns) > 0 }

// Entries calls f with the name of each state and the number of values,
// elements or entries that it holds; expired ones count until they are removed.
func (s *Store) Entries(f func(name string, entries int64)) {
	for _, c := range s.columns {
		f(c.name(), c.entries())
	}
	for i := range s.shared {
		s.shared[i].own.Entries(f)
	}
}
