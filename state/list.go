package state

import (
	"fmt"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// List is a state of several values for each key, in the order in which they
// were appended. Its methods are about the current key.
type List[T any] struct {
	base
	cells pages[listCell[T]]
	sizes sizes[T]
	room  int64 // elements that slices have room for
	codec codec.Codec[T]
}

// listCell holds its live elements from head on. until is nil without a time
// to live; else it goes with values, and never decreases.
type listCell[T any] struct {
	values []T
	until  []int64
	head   int
}

// NewList declares a state in a store. Mistakes are reported by Seal.
func NewList[T any](s *Store, name string, options ...Option) *List[T] {
	l := &List[T]{}
	set := s.declare(name, options)
	l.base = base{s: s, label: name, ttl: set.ttl, onRead: set.onRead}
	l.sizes.of = event.PayloadOf[T]()
	c, err := codecOf[T](set.codec)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("state %q: %w", name, err))
	}
	l.codec = c
	s.add(l)
	return l
}

// Append adds a value at the end.
func (l *List[T]) Append(v T) {
	c := l.cells.at(l.s.slot)
	l.trim(l.s.slot, c)
	if len(c.values) == 0 {
		l.s.gained(l.s.slot)
	}
	l.push(c, v, l.until())
}

func (l *List[T]) push(c *listCell[T], v T, until int64) {
	l.room -= int64(cap(c.values))
	c.values = append(c.values, v)
	l.room += int64(cap(c.values))
	if l.ttl > 0 {
		c.until = append(c.until, until)
	}
	l.sizes.add(&c.values[len(c.values)-1])
	l.n++
}

// Get returns the values. The slice is the state's: it is valid until the next
// change, record or timer, and must not be changed.
func (l *List[T]) Get() []T {
	c := l.cells.at(l.s.slot)
	l.trim(l.s.slot, c)
	if l.onRead {
		u := l.until()
		for i := range c.until {
			c.until[i] = u
		}
	}
	return c.values[c.head:len(c.values):len(c.values)]
}

// Len is the number of values.
func (l *List[T]) Len() int {
	c := l.cells.at(l.s.slot)
	l.trim(l.s.slot, c)
	return len(c.values) - c.head
}

// Set replaces all values by copies of those given, which may be part of what
// Get has returned.
func (l *List[T]) Set(values []T) {
	slot := l.s.slot
	c := l.cells.at(slot)
	if len(values) == 0 {
		l.drop(slot)
		return
	}
	if len(c.values) == 0 {
		l.s.gained(slot)
	}
	for i := c.head; i < len(c.values); i++ {
		l.sizes.remove(&c.values[i])
	}
	l.n += int64(len(values) - (len(c.values) - c.head))
	l.room -= int64(cap(c.values))
	was := c.values
	c.values = append(c.values[:0], values...)
	if len(c.values) < len(was) {
		clear(was[len(c.values):])
	}
	l.room += int64(cap(c.values))
	c.head, c.until = 0, c.until[:0]
	if l.ttl > 0 {
		u := l.until()
		for range values {
			c.until = append(c.until, u)
		}
	}
	for i := range c.values {
		l.sizes.add(&c.values[i])
	}
}

// Clear removes all values.
func (l *List[T]) Clear() { l.drop(l.s.slot) }

// trim removes the expired elements, which come first. What is left moves to
// the front when it is the smaller part.
func (l *List[T]) trim(slot uint32, c *listCell[T]) {
	if len(c.until) == 0 || c.until[c.head] > l.s.now {
		return
	}
	head := c.head
	for head < len(c.until) && c.until[head] <= l.s.now {
		l.sizes.remove(&c.values[head])
		head++
	}
	l.n -= int64(head - c.head)
	clear(c.values[c.head:head])
	c.head = head
	switch rest := len(c.values) - head; {
	case rest == 0:
		l.drop(slot)
	case rest < head:
		copy(c.values, c.values[head:])
		copy(c.until, c.until[head:])
		clear(c.values[rest:])
		c.values, c.until, c.head = c.values[:rest], c.until[:rest], 0
	}
}

func (l *List[T]) drop(slot uint32) {
	c := l.cells.at(slot)
	if len(c.values) == 0 {
		return
	}
	for i := c.head; i < len(c.values); i++ {
		l.sizes.remove(&c.values[i])
	}
	l.n -= int64(len(c.values) - c.head)
	l.room -= int64(cap(c.values))
	*c = listCell[T]{}
	l.s.lost(slot)
}

func (l *List[T]) view() column { c := *l; return &c }

func (l *List[T]) grow(n int)                 { l.cells.grow(n) }
func (l *List[T]) exact() bool                { return false }
func (l *List[T]) warm(slots []uint32) uint64 { return l.cells.warm(slots) }
func (l *List[T]) expire(slot uint32)         { l.trim(slot, l.cells.at(slot)) }
func (l *List[T]) expireAll(slot uint32)      { l.expire(slot) }

func (l *List[T]) bytes() int64 {
	each := int64(unsafe.Sizeof(*new(T)))
	if l.ttl > 0 {
		each += 8
	}
	return l.cells.bytes() + l.room*each + l.sizes.bytes()
}

// A list is stored as its elements, each with the time it expires at, the
// length of its encoding, and that.
func (l *List[T]) append(slot uint32, dst []byte) ([]byte, error) {
	c := l.cells.at(slot)
	for i := c.head; i < len(c.values); i++ {
		until := int64(forever)
		if l.ttl > 0 {
			until = c.until[i]
		}
		var err error
		if dst, err = appendFramed(appendUntil(dst, until), l.codec, &c.values[i]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (l *List[T]) load(slot uint32, data []byte) error {
	l.drop(slot)
	c := l.cells.at(slot)
	for last := int64(1); len(data) > 0; {
		until, n := readUntil(data)
		if n == 0 {
			return errCut
		}
		var v T
		rest, err := readFramed(data[n:], l.codec, &v)
		if err != nil {
			return err
		}
		data, last = rest, max(until, last)
		if len(c.values) == 0 {
			l.s.gained(slot)
		}
		l.push(c, v, last)
	}
	return nil
}

func (l *List[T]) kind() string      { return "list" }
func (l *List[T]) schemas() []string { return []string{schemaOf(l.codec)} }

func (l *List[T]) from(schemas []string) (func(slot uint32, data []byte) error, error) {
	return reading(&l.codec, schemas[0], l.load)
}
