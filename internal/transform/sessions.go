package transform

import (
	"math"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/window"
)

// session is one session of a key.
type session[A any] struct {
	first, last event.Time // of its records
	acc         A
	records     int32 // since its last result
	fired       bool  // at the watermark, with all records up to then
}

// Activity is what is known about a key: its sessions, most often one. They
// are at least a gap apart.
type Activity[A any] struct {
	head   session[A]
	alarm  event.Time // the one that counts, while armed
	n      int32      // sessions, the first one included
	armed  bool
	listed bool // among the keys that an early result is due for
}

// sessions holds the sessions of all keys. The second one of a key is in the
// first table beyond, the third in the next, and so on, so that what a key has
// is found by the key alone. Only the heads of those tables are used.
type sessions[K comparable, A any] struct {
	def    window.Sessions
	gap    event.Time
	merge  func(into, from *A)
	make   func() state.Table[K, Activity[A]]
	table  state.Table[K, Activity[A]]
	beyond []state.Table[K, Activity[A]]

	key  [1]K
	hash [1]uint64
	out  [1]*Activity[A]
}

// owner is a key with what is known about it.
type owner[K comparable, A any] struct {
	*Activity[A]
	key  K
	hash uint64
}

// near tells whether records from one event time to another belong to a session.
func (o *sessions[K, A]) near(s *session[A], first, last event.Time) bool {
	if first > s.last {
		return uint64(first-s.last) < uint64(o.gap)
	}
	if last < s.first {
		return uint64(s.first-last) < uint64(o.gap)
	}
	return true
}

// of is the window of a session.
func (o *sessions[K, A]) of(s *session[A]) window.Window { return o.def.Of(s.first, s.last) }

// at is a session of a key, from 0. It is valid until the sessions of a key
// become more or fewer.
func (o *sessions[K, A]) at(k *owner[K, A], i int32) *session[A] {
	if i == 0 {
		return &k.head
	}
	o.key[0] = k.key // so that k stays on the stack
	return &o.beyond[i-1].Get(&o.key[0], k.hash).head
}

// find returns the session that a record belongs to, extended by it and merged
// with others that it is near to; nil if there is none.
func (o *sessions[K, A]) find(k *owner[K, A], t event.Time) *session[A] {
	at := int32(0)
	for at < k.n && !o.near(o.at(k, at), t, t) {
		at++
	}
	if at == k.n {
		return nil
	}
	found := o.at(k, at)
	found.first, found.last = min(found.first, t), max(found.last, t)
	// What is before found is not near to t: only what follows has to be looked
	// at.
	for i := at + 1; i < k.n; {
		s := o.at(k, i)
		if !o.near(s, found.first, found.last) {
			i++
			continue
		}
		o.merge(&found.acc, &s.acc)
		found.first, found.last = min(found.first, s.first), max(found.last, s.last)
		found.records = addRecords(found.records, s.records)
		found.fired = found.fired && s.fired
		o.remove(k, i)
		found = o.at(k, at)
	}
	return found
}

func addRecords(a, b int32) int32 { return int32(min(int64(a)+int64(b), math.MaxInt32)) }

// begin adds a session of one record.
func (o *sessions[K, A]) begin(k *owner[K, A], t event.Time) *session[A] {
	s := &k.head
	if k.n > 0 {
		if int(k.n) > len(o.beyond) {
			o.beyond = append(o.beyond, o.make())
		}
		o.key[0], o.hash[0] = k.key, k.hash
		o.beyond[k.n-1].Lookup(o.key[:], o.hash[:], o.out[:])
		s = &o.out[0].head
	}
	k.n++
	s.first, s.last = t, t
	return s
}

// remove removes a session; the last one takes its place.
func (o *sessions[K, A]) remove(k *owner[K, A], i int32) {
	k.n--
	if i < k.n {
		*o.at(k, i) = *o.at(k, k.n)
	}
	if k.n == 0 {
		k.head = session[A]{}
	} else {
		o.key[0] = k.key
		o.beyond[k.n-1].Delete(&o.key[0], k.hash)
	}
}

// drop removes the sessions that are done and tells whether any is left.
func (o *sessions[K, A]) drop(k *owner[K, A], done func(*session[A]) bool) bool {
	for i := k.n - 1; i >= 0; i-- {
		if done(o.at(k, i)) {
			o.remove(k, i)
		}
	}
	return k.n > 0
}

// bytes is the memory of the tables.
func (o *sessions[K, A]) bytes() int64 {
	n := o.table.Bytes()
	for _, t := range o.beyond {
		n += t.Bytes()
	}
	return n
}
