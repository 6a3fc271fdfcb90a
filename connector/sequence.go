package connector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Sequence is the place of a reader in a numbered sequence that is dealt out:
// subtask i of n reads the indexes i, i+n, i+2n and so on. It remembers what was
// read at other parallelisms, so that a job may be recovered at any and reads
// each index once. It is for one goroutine, except where a method says otherwise.
type Sequence struct {
	index, step int64
	next        int64
	past        []dealt // sorted by len(next)
	level       int64   // from here on nothing was read at another parallelism
}

// dealt is how far each reader had come at one parallelism, the length of next.
type dealt struct{ next []int64 }

func (d dealt) has(i int64) bool { return i < d.next[i%int64(len(d.next))] }

// Bounds of what a position may say, against damage.
const (
	maxDealt = 1 << 20           // parallelism
	maxIndex = math.MaxInt64 / 4 // of a sequence
)

// NewSequence is the beginning of the sequence for subtask index of parallelism.
func NewSequence(index, parallelism int) *Sequence {
	return &Sequence{index: int64(index), step: int64(parallelism), next: int64(index)}
}

// ResumeSequence goes on from what AppendPosition wrote for all readers of a
// checkpoint, at any parallelism. Without positions it is NewSequence. held are
// the indexes that are now this reader's and were read but not given out, in
// order.
func ResumeSequence(index, parallelism int, positions [][]byte) (s *Sequence, held []int64, err error) {
	s = NewSequence(index, parallelism)
	var now dealt
	var seen []bool
	for _, p := range positions {
		pos, err := parseSequence(p)
		if err != nil {
			return nil, nil, fmt.Errorf("the place of a reader in the checkpoint is damaged: %w", err)
		}
		if now.next == nil {
			now.next, seen = make([]int64, pos.step), make([]bool, pos.step)
		}
		if int64(len(seen)) != pos.step || seen[pos.index] {
			return nil, nil, fmt.Errorf("the checkpoint has the place of reader %d of %d, which does not go with those of %d readers", pos.index, pos.step, len(seen))
		}
		seen[pos.index], now.next[pos.index] = true, pos.next
		for _, d := range pos.past {
			s.merge(d)
		}
		for _, i := range pos.held {
			if i%s.step == s.index {
				held = append(held, i)
			}
		}
	}
	if missing := slices.Index(seen, false); missing >= 0 {
		return nil, nil, fmt.Errorf("the checkpoint has not the place of reader %d of %d", missing, len(seen))
	}
	if now.next != nil {
		s.merge(now)
	}
	slices.Sort(held)
	s.begin()
	return s, held, nil
}

// merge adds what was read at one parallelism.
func (s *Sequence) merge(d dealt) {
	at, found := slices.BinarySearchFunc(s.past, len(d.next), func(p dealt, n int) int { return len(p.next) - n })
	if !found {
		s.past = slices.Insert(s.past, at, dealt{slices.Clone(d.next)})
		return
	}
	for i, n := range d.next {
		s.past[at].next[i] = max(s.past[at].next[i], n)
	}
}

// begin finds the first index of this reader that was not read.
func (s *Sequence) begin() {
	for _, d := range s.past {
		s.level = max(s.level, slices.Max(d.next))
		all := slices.Min(d.next) // every index below it was read
		if int64(len(d.next)) == s.step {
			all = d.next[s.index]
		}
		if all > s.next {
			s.next += (all - s.next + s.step - 1) / s.step * s.step
		}
	}
	s.skip()
}

// skip moves on from indexes that were read at another parallelism.
func (s *Sequence) skip() {
	for s.next < s.level && s.read(s.next) {
		s.next += s.step
	}
	if s.next >= s.level {
		s.past, s.level = nil, 0
	}
}

func (s *Sequence) read(i int64) bool {
	for _, d := range s.past {
		if d.has(i) {
			return true
		}
	}
	return false
}

// Next returns the index to read next.
func (s *Sequence) Next() int64 { return s.next }

// Step returns the distance from an index to the next.
func (s *Sequence) Step() int64 { return s.step }

// Passed returns how many indexes of this subtask are below Next: all were read,
// by this reader or before.
func (s *Sequence) Passed() int64 { return (s.next - s.index) / s.step }

// Run returns how many indexes from Next on, Step apart, are still to be read
// without a gap: at least 1 and at most most.
func (s *Sequence) Run(most int64) int64 {
	if s.level == 0 {
		return most
	}
	n := min(1, most)
	for n < most && !s.read(s.next+n*s.step) {
		n++
	}
	return n
}

// Advance moves past n indexes, at most as many as Run returned.
func (s *Sequence) Advance(n int64) {
	s.next += n * s.step
	if s.level > 0 {
		s.skip()
	}
}

// ID names the split of this reader.
func (s *Sequence) ID() string { return fmt.Sprintf("%d of %d", s.index, s.step) }

// AppendPosition appends the place to dst, for ResumeSequence. held are indexes
// that were read and not given out yet, in any order.
func (s *Sequence) AppendPosition(dst []byte, held []int64) []byte {
	dst = append(dst, 1)
	for _, v := range []int64{s.step, s.index, s.next, int64(len(s.past))} {
		dst = binary.AppendUvarint(dst, uint64(v))
	}
	for _, d := range s.past {
		dst = binary.AppendUvarint(dst, uint64(len(d.next)))
		for _, n := range d.next {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(held)))
	last := int64(0)
	for _, i := range slices.Sorted(slices.Values(held)) {
		dst = binary.AppendUvarint(dst, uint64(i-last))
		last = i
	}
	return dst
}

// place is a position as it is stored.
type place struct {
	step, index, next int64
	past              []dealt
	held              []int64
}

func parseSequence(b []byte) (p place, err error) {
	if len(b) == 0 || b[0] != 1 {
		return p, errors.New("it has a form that this version does not know")
	}
	b = b[1:]
	number := func(from, to int64) int64 {
		v, n := binary.Uvarint(b)
		if err == nil && (n <= 0 || v > math.MaxInt64 || int64(v) < from || int64(v) > to) {
			err = fmt.Errorf("a number is not between %d and %d", from, to)
		}
		if err != nil {
			return from
		}
		b = b[n:]
		return int64(v)
	}
	p.step = number(1, maxDealt)
	p.index = number(0, p.step-1)
	p.next = number(0, maxIndex)
	most := int64(1)
	for range number(0, int64(len(b))) {
		// Each parallelism once, in order; a number has at least a byte.
		d := dealt{make([]int64, number(most, max(most, min(int64(len(b)), maxDealt))))}
		for i := range d.next {
			d.next[i] = number(0, maxIndex)
		}
		if err != nil {
			return p, err
		}
		most = int64(len(d.next)) + 1
		p.past = append(p.past, d)
	}
	held := number(0, int64(len(b)))
	for last := int64(0); int64(len(p.held)) < held && err == nil; {
		last += number(0, maxIndex-last)
		p.held = append(p.held, last)
	}
	if err == nil && len(b) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(b))
	}
	return p, err
}
