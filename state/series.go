package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// Series is a state of several values for each key in the order of their event
// times; those of one time are in the order in which they were inserted. It is
// for values that are looked for by time and dropped when their time is over:
// both cost no more than what is found, and an insertion what is later.
//
// Its methods are about the current key. It takes no time to live.
type Series[T any] struct {
	base
	cells pages[seriesCell[T]]
	sizes sizes[T]
	room  int64 // elements that slices have room for
	codec codec.Codec[T]
	spare [][]Dated[T] // of cells that became empty
}

// Dated is an element of a Series.
type Dated[T any] struct {
	At    event.Time
	Value T
}

// seriesCell holds its elements from head on.
type seriesCell[T any] struct {
	list []Dated[T]
	head int
}

// What a Series keeps of emptied cells: so many slices of at most this room.
const (
	spareSlices = 256
	spareRoom   = 32
)

// NewSeries declares a state in a store. Mistakes are reported by Seal.
func NewSeries[T any](s *Store, name string, options ...Option) *Series[T] {
	l := &Series[T]{}
	set := s.declare(name, options)
	l.base = base{s: s, label: name}
	l.sizes.of = event.PayloadOf[T]()
	c, err := codecOf[T](set.codec)
	if err == nil && set.ttl != 0 {
		err = errors.New("a series has no time to live: its values are dropped by their event times")
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("state %q: %w", name, err))
	}
	l.codec = c
	s.add(l)
	return l
}

// Insert adds a value behind those of its time and of earlier ones.
func (l *Series[T]) Insert(at event.Time, v T) {
	c := l.cells.at(l.s.slot)
	if len(c.list) == 0 {
		l.s.gained(l.s.slot)
		if n := len(l.spare); n > 0 && c.list == nil {
			c.list, l.spare = l.spare[n-1], l.spare[:n-1]
		}
	}
	i := len(c.list)
	if i > c.head && c.list[i-1].At > at {
		i = c.head + after(c.list[c.head:], at)
	}
	l.sizes.settle() // elements may move
	if c.head > 0 && i-c.head < len(c.list)-i {
		copy(c.list[c.head-1:], c.list[c.head:i])
		c.head--
		i--
	} else {
		l.grown(c)
		copy(c.list[i+1:], c.list[i:])
	}
	c.list[i] = Dated[T]{at, v}
	l.sizes.add(&c.list[i].Value)
	l.n++
}

// grown makes a list longer by one.
func (l *Series[T]) grown(c *seriesCell[T]) {
	l.room -= int64(cap(c.list))
	c.list = append(c.list, Dated[T]{})
	l.room += int64(cap(c.list))
}

// after is the index of the first element after a time.
func after[T any](list []Dated[T], t event.Time) int {
	return sort.Search(len(list), func(i int) bool { return list[i].At > t })
}

// Len is the number of values.
func (l *Series[T]) Len() int {
	c := l.cells.at(l.s.slot)
	return len(c.list) - c.head
}

// Get returns all elements. The slice is the state's: it is valid until the
// next change, record or timer. Values in it may be changed in place, but what
// they own, like a string, must keep its size.
func (l *Series[T]) Get() []Dated[T] {
	c := l.cells.at(l.s.slot)
	return c.list[c.head:len(c.list):len(c.list)]
}

// Between returns the elements with times in [from,to], like Get.
func (l *Series[T]) Between(from, to event.Time) []Dated[T] {
	list := l.Get()
	n := len(list)
	if n == 0 || list[n-1].At < from || list[0].At > to || from > to {
		return nil
	}
	low, high := 0, n
	if list[0].At < from {
		low = after(list, from-1)
	}
	if list[n-1].At > to {
		high = low + after(list[low:], to)
	}
	return list[low:high]
}

// Through returns the elements at or before a time, like Get.
func (l *Series[T]) Through(t event.Time) []Dated[T] {
	list := l.Get()
	if n := len(list); n == 0 || list[0].At > t {
		return nil
	} else if list[n-1].At <= t {
		return list
	}
	return list[:after(list, t)]
}

// DropFirst removes the first n values, which must be there.
func (l *Series[T]) DropFirst(n int) {
	slot := l.s.slot
	c := l.cells.at(slot)
	head := c.head + n
	if head == len(c.list) {
		l.drop(slot)
		return
	}
	for i := c.head; i < head; i++ {
		l.sizes.remove(&c.list[i].Value)
	}
	l.n -= int64(n)
	clear(c.list[c.head:head])
	c.head = head
	if rest := len(c.list) - head; rest < head { // each element moves once at most for each dropped
		copy(c.list, c.list[head:])
		clear(c.list[rest:])
		c.list, c.head = c.list[:rest], 0
	}
}

// Clear removes all values.
func (l *Series[T]) Clear() { l.drop(l.s.slot) }

func (l *Series[T]) drop(slot uint32) {
	c := l.cells.at(slot)
	if len(c.list) == 0 {
		return
	}
	for i := c.head; i < len(c.list); i++ {
		l.sizes.remove(&c.list[i].Value)
	}
	l.n -= int64(len(c.list) - c.head)
	list := c.list
	*c = seriesCell[T]{}
	l.s.lost(slot)
	if cap(list) <= spareRoom && len(l.spare) < spareSlices {
		clear(list)
		l.spare = append(l.spare, list[:0])
		return
	}
	l.room -= int64(cap(list))
}

func (l *Series[T]) view() column { c := *l; return &c }

func (l *Series[T]) grow(n int)                 { l.cells.grow(n) }
func (l *Series[T]) exact() bool                { return false }
func (l *Series[T]) warm(slots []uint32) uint64 { return l.cells.warm(slots) }
func (l *Series[T]) expire(uint32)              {}
func (l *Series[T]) expireAll(uint32)           {}

func (l *Series[T]) bytes() int64 {
	return l.cells.bytes() + l.room*int64(unsafe.Sizeof(Dated[T]{})) + l.sizes.bytes()
}

// A series is stored as its elements, each with its time, the length of its
// encoding, and that.
func (l *Series[T]) append(slot uint32, dst []byte) ([]byte, error) {
	c := l.cells.at(slot)
	for i := c.head; i < len(c.list); i++ {
		var err error
		if dst, err = appendFramed(binary.AppendVarint(dst, int64(c.list[i].At)), l.codec, &c.list[i].Value); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (l *Series[T]) load(slot uint32, data []byte) error {
	l.drop(slot)
	c := l.cells.at(slot)
	for last := event.MinTime; len(data) > 0; {
		at, n := binary.Varint(data)
		if n <= 0 {
			return errCut
		}
		var v T
		rest, err := readFramed(data[n:], l.codec, &v)
		if err != nil {
			return err
		}
		if event.Time(at) < last {
			return errors.New("the times of a series are not in order")
		}
		data, last = rest, event.Time(at)
		if len(c.list) == 0 {
			l.s.gained(slot)
		}
		l.sizes.settle()
		l.grown(c)
		c.list[len(c.list)-1] = Dated[T]{last, v}
		l.sizes.add(&c.list[len(c.list)-1].Value)
		l.n++
	}
	return nil
}

func (l *Series[T]) kind() string      { return "series" }
func (l *Series[T]) schemas() []string { return []string{schemaOf(l.codec)} }

func (l *Series[T]) from(schemas []string) (func(slot uint32, data []byte) error, error) {
	return reading(&l.codec, schemas[0], l.load)
}
