package state

import (
	"fmt"
	"iter"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

// Map is a state of a map for each key. Its methods are about the current key.
// Keys of the map must equal themselves: NaN is not one.
type Map[K comparable, V any] struct {
	base
	cells  pages[mapCell[K, V]]
	keys   sizes[K]
	values sizes[V]
	room   int64 // entries that slices have room for
	large  int64 // entries in indexes
	key    codec.Codec[K]
	value  codec.Codec[V]
}

// mapCell is searched one by one as long as it is small.
type mapCell[K comparable, V any] struct {
	entries []mapEntry[K, V]
	index   map[K]int32 // nil when small
	at      int         // where expire goes on
}

type mapEntry[K comparable, V any] struct {
	until int64
	k     K
	v     V
}

const (
	smallMap    = 12 // entries without an index
	expireBurst = 16 // entries that expire looks at
)

// NewMap declares a state in a store. Mistakes are reported by Seal.
func NewMap[K comparable, V any](s *Store, name string, options ...Option) *Map[K, V] {
	m := &Map[K, V]{}
	set := s.declare(name, options)
	m.base = base{s: s, label: name, ttl: set.ttl, onRead: set.onRead}
	m.keys.of, m.values.of = event.PayloadOf[K](), event.PayloadOf[V]()
	var err error
	if m.value, err = codecOf[V](set.codec); err == nil {
		m.key, err = codecOf[K](set.key)
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("state %q: %w", name, err))
	}
	s.add(m)
	return m
}

// find returns the index of an entry, -1 if there is none.
func (c *mapCell[K, V]) find(k K) int {
	if c.index != nil {
		if i, ok := c.index[k]; ok {
			return int(i)
		}
		return -1
	}
	for i := range c.entries {
		if c.entries[i].k == k {
			return i
		}
	}
	return -1
}

// live is find without what has expired.
func (m *Map[K, V]) live(c *mapCell[K, V], k K) int {
	i := c.find(k)
	if i >= 0 && c.entries[i].until <= m.s.now {
		m.remove(m.s.slot, c, i)
		return -1
	}
	return i
}

// Get returns the value of an entry, and whether there is one.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	c := m.cells.at(m.s.slot)
	i := m.live(c, k)
	if i < 0 {
		return v, false
	}
	if m.onRead {
		m.s.change(m.s.slot)
		c.entries[i].until = m.until()
	}
	return c.entries[i].v, true
}

// Set adds or replaces an entry.
func (m *Map[K, V]) Set(k K, v V) { *m.Upsert(k) = v }

// Upsert returns the value of an entry to be changed in place; it is the zero
// value if there was none. The pointer is valid until the next change of the
// map, record or timer.
func (m *Map[K, V]) Upsert(k K) *V {
	slot := m.s.slot
	c := m.cells.at(slot)
	i := m.live(c, k)
	if i < 0 {
		m.expireSome(slot, c, 2) // more than one that comes
		if len(c.entries) == 0 {
			m.s.gained(slot)
		}
		i = len(c.entries)
		m.push(c, mapEntry[K, V]{k: k})
	}
	m.s.change(slot)
	e := &c.entries[i]
	e.until = m.until()
	m.values.change(&e.v)
	return &e.v
}

// push adds an entry that is not there.
func (m *Map[K, V]) push(c *mapCell[K, V], e mapEntry[K, V]) {
	m.values.settle() // entries may move
	m.room -= int64(cap(c.entries))
	c.entries = append(c.entries, e)
	m.room += int64(cap(c.entries))
	m.n++
	last := &c.entries[len(c.entries)-1]
	m.keys.add(&last.k)
	m.values.add(&last.v)
	switch {
	case c.index != nil:
		c.index[e.k] = int32(len(c.entries) - 1)
		m.large++
	case len(c.entries) > smallMap:
		c.index = make(map[K]int32, 2*smallMap)
		for i := range c.entries {
			c.index[c.entries[i].k] = int32(i)
		}
		m.large += int64(len(c.entries))
	}
}

// Delete removes an entry and tells whether there was one.
func (m *Map[K, V]) Delete(k K) bool {
	c := m.cells.at(m.s.slot)
	i := m.live(c, k)
	if i < 0 {
		return false
	}
	m.remove(m.s.slot, c, i)
	return true
}

// remove puts the last entry in the place of another.
func (m *Map[K, V]) remove(slot uint32, c *mapCell[K, V], i int) {
	m.s.change(slot)
	e := &c.entries[i]
	m.keys.remove(&e.k)
	m.values.remove(&e.v)
	m.n--
	last := len(c.entries) - 1
	if c.index != nil {
		delete(c.index, e.k)
		m.large--
		if i != last {
			c.index[c.entries[last].k] = int32(i)
		}
	}
	c.entries[i] = c.entries[last]
	c.entries[last] = mapEntry[K, V]{}
	c.entries = c.entries[:last]
	if last == 0 {
		m.room -= int64(cap(c.entries))
		*c = mapCell[K, V]{}
		m.s.lost(slot)
	}
}

// Len is the number of entries. With a time to live it looks at all of them.
func (m *Map[K, V]) Len() int {
	m.expireAll(m.s.slot)
	return len(m.cells.at(m.s.slot).entries)
}

func (m *Map[K, V]) expireAll(slot uint32) {
	if m.ttl == 0 {
		return
	}
	c := m.cells.at(slot)
	for i := len(c.entries) - 1; i >= 0; i-- {
		if c.entries[i].until <= m.s.now {
			m.remove(slot, c, i)
		}
	}
}

// All walks over the entries. The order follows from the changes made to the
// map and says nothing else. During the walk the current entry may be deleted,
// and no other change made.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		slot := m.s.slot
		c := m.cells.at(slot)
		for i := len(c.entries) - 1; i >= 0; i-- { // what is removed is replaced by one seen
			e := &c.entries[i]
			if e.until <= m.s.now {
				m.remove(slot, c, i)
				continue
			}
			if m.onRead {
				m.s.change(slot)
				e.until = m.until()
			}
			if !yield(e.k, e.v) {
				return
			}
		}
	}
}

// Clear removes all entries.
func (m *Map[K, V]) Clear() { m.drop(m.s.slot) }

func (m *Map[K, V]) drop(slot uint32) {
	c := m.cells.at(slot)
	if len(c.entries) == 0 {
		return
	}
	for i := range c.entries {
		m.keys.remove(&c.entries[i].k)
		m.values.remove(&c.entries[i].v)
	}
	m.n -= int64(len(c.entries))
	m.room -= int64(cap(c.entries))
	m.large -= int64(len(c.index))
	*c = mapCell[K, V]{}
	m.s.lost(slot)
}

func (m *Map[K, V]) view() column { c := *m; return &c }

func (m *Map[K, V]) grow(n int) { m.cells.grow(n) }
func (m *Map[K, V]) exact() bool {
	return !shares(reflect.TypeFor[K]()) && !shares(reflect.TypeFor[V]())
}
func (m *Map[K, V]) warm(slots []uint32) uint64 { return m.cells.warm(slots) }

func (m *Map[K, V]) expire(slot uint32) { m.expireSome(slot, m.cells.at(slot), expireBurst) }

// expireSome looks at n entries, going on where it stopped.
func (m *Map[K, V]) expireSome(slot uint32, c *mapCell[K, V], n int) {
	if m.ttl == 0 {
		return
	}
	for range min(n, len(c.entries)) {
		if c.at >= len(c.entries) {
			c.at = 0
		}
		if c.entries[c.at].until > m.s.now {
			c.at++
			continue
		}
		m.remove(slot, c, c.at)
	}
}

// bytes counts an index at twice the size of what it holds.
func (m *Map[K, V]) bytes() int64 {
	return m.cells.bytes() + m.room*int64(unsafe.Sizeof(mapEntry[K, V]{})) +
		m.large*2*int64(unsafe.Sizeof(*new(K))+4) + m.keys.bytes() + m.values.bytes()
}

// A map is stored as its entries, each with the time it expires at, its key
// and its value.
func (m *Map[K, V]) append(slot uint32, dst []byte) ([]byte, error) {
	c := m.cells.at(slot)
	for i := range c.entries {
		e := &c.entries[i]
		var err error
		if dst, err = appendFramed(appendUntil(dst, e.until), m.key, &e.k); err != nil {
			return dst, err
		}
		if dst, err = appendFramed(dst, m.value, &e.v); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (m *Map[K, V]) load(slot uint32, data []byte) error {
	m.drop(slot)
	c := m.cells.at(slot)
	for len(data) > 0 {
		until, n := readUntil(data)
		if n == 0 {
			return errCut
		}
		e := mapEntry[K, V]{until: until}
		rest, err := readFramed(data[n:], m.key, &e.k)
		if err != nil {
			return err
		}
		if data, err = readFramed(rest, m.value, &e.v); err != nil {
			return err
		}
		if c.find(e.k) >= 0 {
			return fmt.Errorf("the key %v occurs twice", e.k)
		}
		if len(c.entries) == 0 {
			m.s.gained(slot)
		}
		m.push(c, e)
	}
	return nil
}

func (m *Map[K, V]) kind() string      { return "map" }
func (m *Map[K, V]) schemas() []string { return []string{schemaOf(m.key), schemaOf(m.value)} }

func (m *Map[K, V]) from(schemas []string) (func(slot uint32, data []byte) error, error) {
	load, err := reading(&m.key, schemas[0], m.load)
	if err != nil {
		return nil, err
	}
	return reading(&m.value, schemas[1], load)
}
