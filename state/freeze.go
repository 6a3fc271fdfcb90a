package state

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Frozen are the states of all keys of a store as they were at a moment. They
// are encoded in groups of a few slots by whoever comes first: the writer, or
// the task, which must call Keep before a slot is used.
type Frozen struct {
	next    *Frozen // an earlier one that is still being written
	columns []column
	slots   int
	groups  []atomic.Pointer[group]
	taken   atomic.Bool
	stop    atomic.Bool
	over    atomic.Bool // nothing needs to be saved any more
	mu      sync.Mutex  // the writer's while it saves a group

	// Memory for what the task saves, which is the task's alone. It is free again
	// when all of it is written.
	saved []group
	rows  []byte
}

// group is what is stored for a group of slots.
type group struct {
	rows []byte
	err  error
}

// What a group is otherwise: nil, if nobody has touched it, or one of these.
var (
	savingGroup  = &group{}
	writtenGroup = &group{}
)

const (
	groupBits  = 1        // a group has 2 slots
	rowsAtOnce = 32 << 10 // bytes that Write hands over, mostly
)

// Freeze begins to keep the states of all keys as they are now, until Write has
// returned or Release is called. It is called by the task when no slot is
// selected, and takes about as long for many slots as for few.
func (s *Store) Freeze() *Frozen {
	s.thaw()
	f := &Frozen{next: s.frozen, slots: len(s.held)}
	for _, c := range s.columns {
		f.columns = append(f.columns, c.view())
	}
	f.groups = make([]atomic.Pointer[group], (f.slots+1<<groupBits-1)>>groupBits)
	s.frozen = f
	return f
}

// thaw forgets what is over, and tells whether something is not.
func (s *Store) thaw() bool {
	for at := &s.frozen; *at != nil; {
		if f := *at; f.over.Load() {
			*at = f.next
		} else {
			at = &f.next
		}
	}
	return s.frozen != nil
}

// Keep saves for snapshots that are being written what is in slots, which are
// about to be used. A backend calls it when it selects keys; for slots that it
// empties, the store does so itself.
func (s *Store) Keep(slots []uint32) {
	if s.frozen == nil || !s.thaw() {
		return
	}
	for _, slot := range slots {
		s.keep(slot)
	}
}

func (s *Store) keep(slot uint32) {
	for f := s.frozen; f != nil; f = f.next {
		if i := slot >> groupBits; int(i) < len(f.groups) {
			f.save(int(i))
		}
	}
}

func (f *Frozen) save(i int) {
	p := &f.groups[i]
	switch now := p.Load(); {
	case now == nil && p.CompareAndSwap(nil, savingGroup):
		p.Store(f.copy(i))
	case now == nil || now == savingGroup:
		for now = savingGroup; now == savingGroup; {
			f.mu.Lock() // if the writer has lost its processor, it gets this one
			now = p.Load()
			f.mu.Unlock()
		}
	}
}

// Sizes of the pieces of memory for what the task saves.
const (
	savedGroups = 128
	savedBytes  = 32 << 10
)

// copy encodes a group for the writer.
func (f *Frozen) copy(i int) *group {
	if len(f.saved) == cap(f.saved) {
		f.saved = make([]group, 0, savedGroups)
	}
	f.saved = f.saved[:len(f.saved)+1]
	g := &f.saved[len(f.saved)-1]
	if cap(f.rows)-len(f.rows) < savedBytes/16 {
		f.rows = make([]byte, 0, savedBytes)
	}
	at := len(f.rows)
	g.rows, g.err = f.append(i, f.rows[at:])
	if len(g.rows) <= cap(f.rows)-at { // else it has moved
		f.rows = f.rows[:at+len(g.rows)]
	}
	g.rows = g.rows[:len(g.rows):len(g.rows)]
	return g
}

// append encodes the slots of a group that have states: each its number, the
// length of its states, and these. A codec that panics has failed.
func (f *Frozen) append(i int, to []byte) (dst []byte, err error) {
	name := ""
	defer func() {
		if v := recover(); v != nil {
			dst, err = to, fmt.Errorf("state %q cannot be stored: its codec panics: %v", name, v)
		}
	}()
	dst = to
	first := i << groupBits
	for slot := first; slot < min(first+1<<groupBits, f.slots); slot++ {
		before := len(dst)
		dst = binary.AppendUvarint(dst, uint64(slot))
		row, some := len(dst), false
		dst = append(dst, 0)
		for _, c := range f.columns {
			frame := len(dst)
			name = c.name()
			if dst, err = c.append(uint32(slot), append(dst, 0)); err != nil {
				return dst, fmt.Errorf("state %q cannot be stored: %w", name, err)
			}
			some = some || len(dst) > frame+1
			dst = closeFrame(dst, frame)
		}
		if !some {
			dst = dst[:before]
			continue
		}
		dst = closeFrame(dst, row)
	}
	return dst, nil
}

// Write hands over the states of all slots that have some, many at a time, as
// EachRow reads them. It is called at most once, by any goroutine, and may go on
// while the task uses the store. After Release it returns an error soon.
func (f *Frozen) Write(put func(rows []byte) error) (err error) {
	if !f.taken.CompareAndSwap(false, true) {
		return errGivenUp
	}
	defer f.over.Store(true)
	var out []byte
	for i := range f.groups {
		if f.stop.Load() {
			return errGivenUp
		}
		if out, err = f.take(i, out); err != nil {
			return err
		}
		if len(out) >= rowsAtOnce {
			if err = put(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return put(out)
}

func (f *Frozen) take(i int, out []byte) (_ []byte, err error) {
	p := &f.groups[i]
	f.mu.Lock()
	if p.CompareAndSwap(nil, savingGroup) {
		out, err = f.append(i, out)
		p.Store(writtenGroup)
		f.mu.Unlock()
		return out, err
	}
	f.mu.Unlock()
	g := p.Load()
	for ; g == savingGroup; g = p.Load() { // the task has it for a moment
		runtime.Gosched()
	}
	p.Store(writtenGroup)
	return append(out, g.rows...), g.err
}

// Release ends it without Write, or makes Write end early. It may be called by
// any goroutine, also after Write.
func (f *Frozen) Release() {
	if f.taken.CompareAndSwap(false, true) {
		f.over.Store(true)
		return
	}
	f.stop.Store(true)
}

// EachRow calls f with the slot and the states of each row, as Stored.Load reads
// them.
func EachRow(rows []byte, f func(slot uint32, data []byte) error) error {
	for len(rows) > 0 {
		slot, n := binary.Uvarint(rows)
		if n <= 0 || slot > 1<<32-1 {
			return errCut
		}
		data, rest, err := openFrame(rows[n:])
		if err != nil {
			return err
		}
		if err := f(uint32(slot), data); err != nil {
			return err
		}
		rows = rest
	}
	return nil
}
