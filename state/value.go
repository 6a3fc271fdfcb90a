package state

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// Value is a state of one value for each key. Its methods are about the
// current key.
type Value[T any] struct {
	base
	cells []*valuePage[T]
	ends  pages[int64] // when values expire; empty as long as none does
	sizes sizes[T]
	codec codec.Codec[T]
}

// valuePage is some values side by side. What tells whether a slot has one is a
// byte of its own, since a snapshot reads it while those beside it change.
type valuePage[T any] struct {
	has [pageSize]bool
	v   [pageSize]T
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

// page returns where the value of a slot is.
func (v *Value[T]) page(slot uint32) (p *valuePage[T], i uint32) {
	return v.cells[slot>>pageBits], slot & (pageSize - 1)
}

// live tells whether a slot has a value, and drops one that has expired.
func (v *Value[T]) live(p *valuePage[T], i, slot uint32) bool {
	if !p.has[i] {
		return false
	}
	if v.ends != nil && *v.ends.at(slot) <= v.s.now {
		v.drop(slot)
		return false
	}
	return true
}

// Get returns the value, and whether there is one.
func (v *Value[T]) Get() (x T, ok bool) {
	slot := v.s.slot
	p, i := v.page(slot)
	if !v.live(p, i, slot) {
		return x, false
	}
	if v.onRead {
		v.s.change(slot)
		*v.ends.at(slot) = v.until()
	}
	return p.v[i], true
}

// Set replaces the value.
func (v *Value[T]) Set(x T) {
	slot := v.s.slot
	p, i := v.page(slot)
	if p.has[i] {
		v.s.change(slot)
	} else {
		p.has[i] = true
		v.n++
		v.s.gained(slot)
	}
	if v.ends != nil {
		*v.ends.at(slot) = v.until()
	}
	v.sizes.remove(&p.v[i])
	p.v[i] = x
	v.sizes.add(&p.v[i])
}

// Upsert returns the value to be changed in place; it is the zero value if
// there was none. The pointer is valid until the next record, timer or Clear.
func (v *Value[T]) Upsert() *T {
	slot := v.s.slot
	p, i := v.page(slot)
	if v.live(p, i, slot) {
		v.s.change(slot)
	} else {
		p.has[i] = true
		v.n++
		v.s.gained(slot)
	}
	if v.ends != nil {
		*v.ends.at(slot) = v.until()
	}
	v.sizes.change(&p.v[i])
	return &p.v[i]
}

// Clear removes the value.
func (v *Value[T]) Clear() { v.drop(v.s.slot) }

func (v *Value[T]) drop(slot uint32) {
	p, i := v.page(slot)
	if !p.has[i] {
		return
	}
	v.sizes.remove(&p.v[i])
	var none T
	p.v[i], p.has[i] = none, false
	v.n--
	v.s.lost(slot)
}

func (v *Value[T]) view() column { c := *v; return &c }

func (v *Value[T]) grow(n int) {
	for len(v.cells)*pageSize < n {
		v.cells = append(v.cells, new(valuePage[T]))
	}
	if v.ttl > 0 || v.ends != nil {
		v.ends.grow(n)
	}
}

func (v *Value[T]) exact() bool { return !shares(reflect.TypeFor[T]()) }

func (v *Value[T]) warm(slots []uint32) (sum uint64) {
	for _, slot := range slots {
		p, i := v.page(slot)
		sum += uint64(*(*uint8)(unsafe.Pointer(&p.has[i])))
		if unsafe.Sizeof(p.v[0]) > 0 {
			sum += uint64(*(*uint8)(unsafe.Pointer(&p.v[i])))
		}
	}
	if v.ends != nil {
		sum += v.ends.warm(slots)
	}
	return sum
}

func (v *Value[T]) bytes() int64 {
	n := int64(len(v.cells))*int64(unsafe.Sizeof(valuePage[T]{})) + int64(cap(v.cells))*int64(unsafe.Sizeof((*T)(nil)))
	return n + v.ends.bytes() + v.sizes.bytes()
}

func (v *Value[T]) expire(slot uint32) {
	p, i := v.page(slot)
	v.live(p, i, slot)
}

func (v *Value[T]) expireAll(slot uint32) { v.expire(slot) }

var (
	errCut     = errors.New("the stored state ends too early")
	errGivenUp = errors.New("the snapshot was given up")
)

// A value is stored as the time it expires at and its encoding.
func (v *Value[T]) append(slot uint32, dst []byte) ([]byte, error) {
	p, i := v.page(slot)
	if !p.has[i] {
		return dst, nil
	}
	until := int64(forever)
	if v.ends != nil {
		until = *v.ends.at(slot)
	}
	return v.codec.Append(appendUntil(dst, until), &p.v[i])
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
	p, i := v.page(slot)
	if err := v.codec.Decode(data[n:], &p.v[i]); err != nil {
		var none T
		p.v[i] = none
		return err
	}
	v.expiring(until)
	if v.ends != nil {
		*v.ends.at(slot) = max(until, 1)
	}
	p.has[i] = true
	v.sizes.add(&p.v[i])
	v.n++
	v.s.gained(slot)
	return nil
}

// expiring makes room for times to expire at, if a state without a time to live
// is to hold what was written when it had one.
func (v *Value[T]) expiring(until int64) {
	if v.ends != nil || until == forever {
		return
	}
	v.ends.grow(len(v.cells) * pageSize)
	for _, p := range v.ends {
		for i := range p {
			p[i] = forever
		}
	}
}

func (v *Value[T]) kind() string      { return "value" }
func (v *Value[T]) schemas() []string { return []string{schemaOf(v.codec)} }

func (v *Value[T]) from(schemas []string) (func(slot uint32, data []byte) error, error) {
	return reading(&v.codec, schemas[0], v.load)
}
