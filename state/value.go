package state

import (
	"errors"
	"fmt"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// Value is a state of one value for each key. Its methods are about the
// current key.
type Value[T any] struct {
	base
	cells pages[valueCell[T]]
	sizes sizes[T]
	codec codec.Codec[T]
}

// valueCell is empty when until is 0.
type valueCell[T any] struct {
	until int64
	v     T
}

// NewValue declares a state in a store. Mistakes are reported by Seal.
func NewValue[T any](s *Store, name string, options ...Option) *Value[T] {
	v := &Value[T]{}
	v.declare(s, name, options)
	s.add(v)
	return v
}

func (v *Value[T]) declare(s *Store, name string, options []Option) {
	set := s.declare(name, options)
	v.base = base{s: s, label: name, ttl: set.ttl, onRead: set.onRead}
	v.sizes.of = event.PayloadOf[T]()
	c, err := codecOf[T](set.codec)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("state %q: %w", name, err))
	}
	v.codec = c
}

// Get returns the value, and whether there is one.
func (v *Value[T]) Get() (x T, ok bool) {
	c := v.cells.at(v.s.slot)
	if c.until <= v.s.now {
		if c.until != 0 {
			v.drop(v.s.slot)
		}
		return x, false
	}
	if v.onRead {
		c.until = v.until()
	}
	return c.v, true
}

// Set replaces the value.
func (v *Value[T]) Set(x T) {
	c := v.cells.at(v.s.slot)
	if c.until == 0 {
		v.n++
		v.s.held[v.s.slot]++
	}
	v.sizes.remove(&c.v)
	c.v, c.until = x, v.until()
	v.sizes.add(&c.v)
}

// Upsert returns the value to be changed in place; it is the zero value if
// there was none. The pointer is valid until the next record, timer or Clear.
func (v *Value[T]) Upsert() *T {
	c := v.cells.at(v.s.slot)
	if c.until <= v.s.now {
		if c.until != 0 {
			v.drop(v.s.slot)
		}
		v.n++
		v.s.held[v.s.slot]++
		c.until = v.until()
	} else if v.ttl != 0 {
		c.until = v.until()
	}
	v.sizes.change(&c.v)
	return &c.v
}

// Clear removes the value.
func (v *Value[T]) Clear() { v.drop(v.s.slot) }

func (v *Value[T]) drop(slot uint32) {
	c := v.cells.at(slot)
	if c.until == 0 {
		return
	}
	v.sizes.remove(&c.v)
	*c = valueCell[T]{}
	v.n--
	v.s.held[slot]--
}

func (v *Value[T]) view() column { c := *v; return &c }

func (v *Value[T]) grow(n int)                 { v.cells.grow(n) }
func (v *Value[T]) warm(slots []uint32) uint64 { return v.cells.warm(slots) }
func (v *Value[T]) bytes() int64               { return v.cells.bytes() + v.sizes.bytes() }

func (v *Value[T]) expire(slot uint32) {
	if v.cells.at(slot).until <= v.s.now {
		v.drop(slot)
	}
}

func (v *Value[T]) expireAll(slot uint32) { v.expire(slot) }

var (
	errCut     = errors.New("the stored state ends too early")
	errGivenUp = errors.New("the snapshot was given up")
)

// A value is stored as the time it expires at and its encoding.
func (v *Value[T]) append(slot uint32, dst []byte) ([]byte, error) {
	c := v.cells.at(slot)
	if c.until == 0 {
		return dst, nil
	}
	return v.codec.Append(appendUntil(dst, c.until), &c.v)
}

func (v *Value[T]) load(slot uint32, data []byte) error {
	v.drop(slot)
	if len(data) == 0 {
		return nil
	}
	until, n := readUntil(data)
	if n == 0 {
		return errCut
	}
	c := v.cells.at(slot)
	if err := v.codec.Decode(data[n:], &c.v); err != nil {
		return err
	}
	c.until = max(until, 1)
	v.sizes.add(&c.v)
	v.n++
	v.s.held[slot]++
	return nil
}

func (v *Value[T]) kind() string      { return "value" }
func (v *Value[T]) schemas() []string { return []string{schemaOf(v.codec)} }

func (v *Value[T]) from(schemas []string) (func(slot uint32, data []byte) error, error) {
	return reading(&v.codec, schemas[0], v.load)
}
