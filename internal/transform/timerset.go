package transform

import "math/bits"

// timerSet is a set of timers by time, hash and slot: open addressing with
// linear search. A slot with seq 0 is empty.
type timerSet struct {
	slots []timer
	n     int
}

// home is where the search for a timer begins, before the mask.
func (t *timer) home() uint64 {
	hi, lo := bits.Mul64(t.hash^uint64(t.time), 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// find returns the index of a timer, or of the empty slot where it would be.
func (s *timerSet) find(t *timer) int {
	mask := uint64(len(s.slots) - 1)
	for at := t.home() & mask; ; at = (at + 1) & mask {
		o := &s.slots[at]
		if o.seq == 0 || o.time == t.time && o.hash == t.hash && o.slot == t.slot {
			return int(at)
		}
	}
}

// add tells whether the timer is new.
func (s *timerSet) add(t timer) bool {
	if 8*(s.n+1) > 5*len(s.slots) {
		s.resize(max(2*len(s.slots), 16))
	}
	at := s.find(&t)
	if s.slots[at].seq != 0 {
		return false
	}
	s.slots[at] = t
	s.n++
	return true
}

// reserve makes room for n timers more.
func (s *timerSet) reserve(n int) {
	size := max(len(s.slots), 16)
	for 8*(s.n+n) > 5*size {
		size *= 2
	}
	if size > len(s.slots) {
		s.resize(size)
	}
}

func (s *timerSet) resize(size int) {
	old := s.slots
	s.slots = make([]timer, size)
	for i := range old {
		if old[i].seq != 0 {
			s.slots[s.find(&old[i])] = old[i]
		}
	}
}

// holds tells whether this very entry is in the set, not one that came later.
func (s *timerSet) holds(t timer) bool {
	return s.n > 0 && s.slots[s.find(&t)].seq == t.seq
}

// take removes this very entry and tells whether it was there.
func (s *timerSet) take(t timer) bool {
	if s.n == 0 {
		return false
	}
	at := s.find(&t)
	if s.slots[at].seq != t.seq {
		return false
	}
	s.empty(uint64(at))
	return true
}

// remove removes the timer with this time, hash and slot, and returns its seq,
// 0 if it was not there.
func (s *timerSet) remove(t timer) (seq uint32) {
	if s.n == 0 {
		return 0
	}
	at := s.find(&t)
	if seq = s.slots[at].seq; seq != 0 {
		s.empty(uint64(at))
	}
	return seq
}

// smallSet is a number of slots that is not worth giving back.
const smallSet = 1 << 12

// empty closes the gap that an entry leaves, and gives memory back when there
// is much too much.
func (s *timerSet) empty(hole uint64) {
	mask := uint64(len(s.slots) - 1)
	for at := (hole + 1) & mask; s.slots[at].seq != 0; at = (at + 1) & mask {
		home := s.slots[at].home() & mask
		if (at-home)&mask >= (at-hole)&mask { // its search passes the hole
			s.slots[hole] = s.slots[at]
			hole = at
		}
	}
	s.slots[hole] = timer{}
	if s.n--; len(s.slots) > smallSet && 16*s.n < len(s.slots) {
		s.resize(len(s.slots) / 4)
	}
}
