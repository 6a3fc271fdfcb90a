package transform

import (
	"math/bits"
	"slices"
	"unsafe"

	"github.com/affluxdev/afflux/event"
)

// timer is an entry of timers: a time and a key, by its hash and its slot in
// the state store. seq tells an entry from one that was deleted before.
type timer struct {
	time event.Time
	hash uint64
	slot uint32
	seq  uint32
}

// timers is a queue of timers, ordered by time and, for one time, by when they
// were added. There is one timer for a key and time.
//
// It is a radix heap: what is taken from it only ever increases, so an entry
// lies in the bucket of the highest bit in which its time differs from the last
// one taken, and moves to a lower bucket at most 64 times. Adding appends to a
// slice, and there are no pointers. Deleted entries stay in their bucket until
// they are met or until they are the greater part.
type timers struct {
	last    uint64 // the last time taken, as an ordinal
	buckets [65]timerBucket
	head    int     // of bucket 0
	overdue []timer // binary heap of those added for a time before last
	set     timerSet
	total   int // entries, deleted ones too
	seq     uint32
	// removed are the seqs of timers deleted since the entries were compacted,
	// once the queue has been captured: a capture has all entries.
	removed  []uint32
	captured bool
}

// timerBucket is a list of timers. Where a capture shares it, it is only
// appended to.
type timerBucket struct {
	entries  []timer
	min, max event.Time
	shared   bool
}

// ordinal maps times to unsigned numbers in the same order.
func ordinal(t event.Time) uint64 { return uint64(t) ^ 1<<63 }

// keepBucket is how many entries an emptied bucket keeps room for.
const keepBucket = 4096

// add registers a timer and tells whether it is new.
func (q *timers) add(at event.Time, hash uint64, slot uint32) bool {
	if q.seq++; q.seq == 0 {
		q.seq = 1
	}
	t := timer{time: at, hash: hash, slot: slot, seq: q.seq}
	if !q.set.add(t) {
		return false
	}
	q.total++
	q.put(t)
	return true
}

func (q *timers) put(t timer) {
	o := ordinal(t.time)
	if o < q.last {
		q.overdue = append(q.overdue, t)
		q.up(len(q.overdue) - 1)
		return
	}
	b := &q.buckets[bits.Len64(o^q.last)]
	if len(b.entries) == 0 {
		b.min, b.max = t.time, t.time
	} else {
		b.min, b.max = min(b.min, t.time), max(b.max, t.time)
	}
	b.entries = append(b.entries, t)
}

// remove deletes a timer and tells whether it was there.
func (q *timers) remove(at event.Time, hash uint64, slot uint32) bool {
	seq := q.set.remove(timer{time: at, hash: hash, slot: slot})
	if seq == 0 {
		return false
	}
	if q.captured {
		q.removed = append(q.removed, seq)
	}
	if q.total > 2*q.set.n+64 || len(q.removed) > max(q.set.n, keepBucket) {
		q.compact()
	}
	return true
}

// len is the number of timers.
func (q *timers) len() int { return q.set.n }

// earliest is the time of the first timer or, when that was deleted, an earlier
// one. ok is false when there is none.
func (q *timers) earliest() (t event.Time, ok bool) {
	if q.set.n == 0 {
		return 0, false
	}
	if len(q.overdue) > 0 {
		return q.overdue[0].time, true
	}
	for i := range q.buckets {
		if b := &q.buckets[i]; len(b.entries) > 0 {
			return b.min, true
		}
	}
	return 0, false
}

// pop takes the first timer if its time is not after upTo.
func (q *timers) pop(upTo event.Time) (t timer, ok bool) {
	for len(q.overdue) > 0 && q.overdue[0].time <= upTo {
		t := q.overdue[0]
		q.shift()
		if q.set.take(t) {
			return t, true
		}
	}
	for q.settle(upTo) {
		t := q.buckets[0].entries[q.head]
		q.skip()
		if q.set.take(t) {
			return t, true
		}
	}
	return timer{}, false
}

// skip drops the first entry of bucket 0.
func (q *timers) skip() {
	q.head++
	q.total--
	if b := &q.buckets[0]; q.head == len(b.entries) {
		q.head = 0
		b.reset()
	}
}

func (b *timerBucket) reset() {
	if cap(b.entries) > keepBucket || b.shared {
		b.entries, b.shared = nil, false
	}
	b.entries = b.entries[:0]
}

// settle makes bucket 0, those of one time, hold an entry. It returns false
// when the first one is after upTo.
func (q *timers) settle(upTo event.Time) bool {
	if first := &q.buckets[0]; len(first.entries) > 0 {
		return first.min <= upTo
	}
	for i := 1; i < len(q.buckets); i++ {
		b := &q.buckets[i]
		if len(b.entries) == 0 {
			continue
		}
		if b.min > upTo {
			return false
		}
		q.last = ordinal(b.min)
		if b.min == b.max {
			q.buckets[0], *b = *b, q.buckets[0]
			return true
		}
		entries := b.entries
		b.entries = nil // what is put goes to lower buckets, the least to bucket 0
		for _, t := range entries {
			q.put(t)
		}
		b.entries = entries
		b.reset()
		return true
	}
	return false
}

// compact drops the deleted entries.
func (q *timers) compact() {
	q.total, q.removed = 0, nil // a capture may have them
	for i := range q.buckets {
		b := &q.buckets[i]
		entries := b.entries
		if i == 0 {
			entries = entries[q.head:]
			q.head = 0
		}
		into := b.entries[:0]
		if b.shared {
			into, b.shared = nil, false
		}
		b.entries = q.live(into, entries)
		if cap(b.entries) > keepBucket && 4*len(b.entries) < cap(b.entries) {
			b.entries = slices.Clone(b.entries)
		}
		for j, t := range b.entries {
			if j == 0 {
				b.min, b.max = t.time, t.time
			}
			b.min, b.max = min(b.min, t.time), max(b.max, t.time)
		}
	}
	q.overdue = q.live(q.overdue[:0], q.overdue)
	for i := len(q.overdue)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

func (q *timers) live(into, from []timer) []timer {
	for _, t := range from {
		if q.set.holds(t) {
			into = append(into, t)
		}
	}
	q.total += len(into)
	return into
}

func (q *timers) before(i, j int) bool {
	a, b := &q.overdue[i], &q.overdue[j]
	return a.time < b.time || a.time == b.time && int32(a.seq-b.seq) < 0
}

func (q *timers) up(i int) {
	for i > 0 && q.before(i, (i-1)/2) {
		q.overdue[i], q.overdue[(i-1)/2] = q.overdue[(i-1)/2], q.overdue[i]
		i = (i - 1) / 2
	}
}

func (q *timers) down(i int) {
	for {
		least := i
		for _, c := range [...]int{2*i + 1, 2*i + 2} {
			if c < len(q.overdue) && q.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		q.overdue[i], q.overdue[least] = q.overdue[least], q.overdue[i]
		i = least
	}
}

// shift drops the first of the overdue.
func (q *timers) shift() {
	n := len(q.overdue) - 1
	q.overdue[0] = q.overdue[n]
	q.overdue = q.overdue[:n]
	q.total--
	q.down(0)
}

// bytes is the memory that the queue holds.
func (q *timers) bytes() int64 {
	n := cap(q.overdue) + cap(q.set.slots)
	for i := range q.buckets {
		n += cap(q.buckets[i].entries)
	}
	return int64(n) * int64(unsafe.Sizeof(timer{}))
}
