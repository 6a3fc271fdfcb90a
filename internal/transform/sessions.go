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
	next        int32 // 1 + the index of the key's next session, 0: none
	records     int32 // since its last result
	used        bool
	fired       bool // at the watermark, with all records up to then
}

// Activity is what is known about a key: its sessions, most often one. They
// are at least a gap apart.
type Activity[A any] struct {
	head   session[A]
	alarm  event.Time // the one that counts, while armed
	armed  bool
	listed bool // among the keys that an early result is due for
}

// sessions holds the sessions of all keys. Those beyond the first of a key lie
// in one slice without pointers of its own, linked by index.
type sessions[K comparable, A any] struct {
	def   window.Sessions
	gap   event.Time
	merge func(into, from *A)
	table state.Table[K, Activity[A]]
	more  []session[A]
	free  int32 // 1 + the index of the first free one of more
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

// find returns the session that a record belongs to, extended by it and merged
// with others that it is near to; nil if there is none.
func (o *sessions[K, A]) find(k *Activity[A], t event.Time) *session[A] {
	if !k.head.used {
		return nil
	}
	var found *session[A]
	for s := &k.head; s != nil; s = o.after(s) {
		if o.near(s, t, t) {
			found = s
			break
		}
	}
	if found == nil {
		return nil
	}
	found.first, found.last = min(found.first, t), max(found.last, t)
	// What is before found in the list is not near to t: only what follows
	// has to be looked at.
	for at := &found.next; *at != 0; {
		s := &o.more[*at-1]
		if !o.near(s, found.first, found.last) {
			at = &s.next
			continue
		}
		o.merge(&found.acc, &s.acc)
		found.first, found.last = min(found.first, s.first), max(found.last, s.last)
		found.records = addRecords(found.records, s.records)
		found.fired = found.fired && s.fired
		i := *at
		*at = s.next
		o.release(i)
	}
	return found
}

func addRecords(a, b int32) int32 { return int32(min(int64(a)+int64(b), math.MaxInt32)) }

func (o *sessions[K, A]) after(s *session[A]) *session[A] {
	if s.next == 0 {
		return nil
	}
	return &o.more[s.next-1]
}

// begin adds a session of one record.
func (o *sessions[K, A]) begin(k *Activity[A], t event.Time) *session[A] {
	s := &k.head
	if s.used {
		if o.free == 0 {
			o.more = append(o.more, session[A]{})
			o.free = int32(len(o.more))
		}
		i := o.free
		s = &o.more[i-1]
		o.free = s.next
		s.next = k.head.next
		k.head.next = i
	}
	s.first, s.last, s.used = t, t, true
	return s
}

func (o *sessions[K, A]) release(i int32) {
	o.more[i-1] = session[A]{next: o.free}
	o.free = i
}

// drop removes the sessions that are done and tells whether any is left.
func (o *sessions[K, A]) drop(k *Activity[A], done func(*session[A]) bool) bool {
	for at := &k.head.next; *at != 0; {
		s := &o.more[*at-1]
		if !done(s) {
			at = &s.next
			continue
		}
		i := *at
		*at = s.next
		o.release(i)
	}
	if !done(&k.head) {
		return true
	}
	if i := k.head.next; i != 0 {
		k.head = o.more[i-1]
		o.release(i)
		return true
	}
	k.head = session[A]{}
	return false
}
