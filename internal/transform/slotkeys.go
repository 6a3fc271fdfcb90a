package transform

import "slices"

// slotKeys knows the keys of slots that have timers, for captures: a timer has
// only the slot. A capture shares its pages, which are copied before they
// change.
type slotKeys[K comparable] struct {
	pages []*keyPage[K]
	epoch uint32 // counts captures
}

const (
	keyPageBits = 8
	keyPageSize = 1 << keyPageBits
)

type keyPage[K comparable] struct {
	epoch uint32 // in which it was made: captures before do not have it
	keys  [keyPageSize]K
}

// set makes k the key of a slot; what it refers to is kept.
func (s *slotKeys[K]) set(slot uint32, k K) {
	for int(slot>>keyPageBits) >= len(s.pages) {
		s.pages = append(s.pages, &keyPage[K]{epoch: s.epoch})
	}
	p := s.pages[slot>>keyPageBits]
	if p.epoch != s.epoch {
		own := *p
		own.epoch = s.epoch
		p = &own
		s.pages[slot>>keyPageBits] = p
	}
	p.keys[slot&(keyPageSize-1)] = k
}

// capture returns the keys as they are now.
func (s *slotKeys[K]) capture() []*keyPage[K] {
	s.epoch++
	return slices.Clone(s.pages)
}

// keyIn is the key of a slot in a capture.
func keyIn[K comparable](pages []*keyPage[K], slot uint32) *K {
	return &pages[slot>>keyPageBits].keys[slot&(keyPageSize-1)]
}
