package transform

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
	"unsafe"

	"github.com/affluxdev/afflux/event"
)

// alarm is an event time at which something of a key is to be looked at.
type alarm[K comparable] struct {
	at   event.Time
	hash uint64
	key  K
}

// alarms is a queue of alarms by event time. They wait in buckets of equal
// spans of time: adding one costs an append, and a bucket is sorted only when
// the watermark stops inside of it.
type alarms[K comparable] struct {
	shift   uint // a bucket spans 1<<shift nanoseconds
	buckets map[int64]alarmBucket[K]
	numbers []int64 // of the buckets, descending
	entered int64   // the bucket that open is from
	begun   bool
	open    []alarm[K] // what is left of it, the next one last
	opened  uint32     // when its bucket was made
	soon    []alarm[K] // added since then for it or for earlier times: a heap
	spare   [][]alarm[K]
	n       int
	epoch   uint32 // counts captures
}

// alarmBucket is a list of alarms. One that was made in an epoch that is over is
// shared with a capture: it may be appended to, and not be changed otherwise.
type alarmBucket[K comparable] struct {
	list  []alarm[K]
	epoch uint32
}

// bucketsPerSpan is into how many buckets the usual time from adding an alarm
// to its coming due is divided.
const bucketsPerSpan = 16

// newAlarms returns an empty queue for alarms that usually come due a span
// after they are added.
func newAlarms[K comparable](span time.Duration) *alarms[K] {
	return &alarms[K]{shift: uint(bits.Len64(uint64(max(span/bucketsPerSpan, 1))) - 1), buckets: map[int64]alarmBucket[K]{}}
}

// len is the number of alarms, and bytes about what they take.
func (q *alarms[K]) len() int { return q.n }

func (q *alarms[K]) bytes() int64 { return int64(q.n) * int64(unsafe.Sizeof(alarm[K]{})) }

func (q *alarms[K]) add(a alarm[K]) {
	q.n++
	n := int64(a.at) >> q.shift
	if q.begun && n <= q.entered {
		q.push(a)
		return
	}
	b, ok := q.buckets[n]
	if !ok {
		b.epoch = q.epoch
		i, _ := slices.BinarySearchFunc(q.numbers, n, func(x, n int64) int { return cmp.Compare(n, x) })
		q.numbers = slices.Insert(q.numbers, i, n)
		if last := len(q.spare) - 1; last >= 0 {
			b.list, q.spare = q.spare[last], q.spare[:last]
		}
	}
	b.list = append(b.list, a)
	q.buckets[n] = b
}

// pop removes an alarm that is due at t: at or before it. Their order is not
// defined.
func (q *alarms[K]) pop(t event.Time) (a alarm[K], ok bool) {
	for {
		if n := len(q.soon); n > 0 && q.soon[0].at <= t {
			q.n--
			return q.popSoon(), true
		}
		if n := len(q.open); n > 0 {
			if q.open[n-1].at > t {
				return a, false
			}
			a = q.open[n-1]
			q.open = q.open[:n-1]
			q.n--
			return a, true
		}
		if !q.enter(t) {
			return a, false
		}
	}
}

// enter opens the next bucket if its time has begun.
func (q *alarms[K]) enter(t event.Time) bool {
	last := len(q.numbers) - 1
	if last < 0 {
		return false
	}
	n := q.numbers[last]
	start := n << q.shift
	if start > int64(t) {
		return false
	}
	if cap(q.open) > 0 && len(q.spare) < bucketsPerSpan && q.opened == q.epoch {
		clear(q.open[:cap(q.open)])
		q.spare = append(q.spare, q.open[:0])
	}
	b := q.buckets[n]
	q.open, q.opened, q.entered, q.begun = b.list, b.epoch, n, true
	q.numbers = q.numbers[:last]
	delete(q.buckets, n)
	if end := start + (1<<q.shift - 1); end > int64(t) {
		if q.opened != q.epoch {
			q.open, q.opened = slices.Clone(q.open), q.epoch
		}
		slices.SortFunc(q.open, func(a, b alarm[K]) int { return cmp.Compare(b.at, a.at) })
	}
	return true
}

func (q *alarms[K]) push(a alarm[K]) {
	q.soon = append(q.soon, a)
	for i := len(q.soon) - 1; i > 0; {
		parent := (i - 1) / 2
		if q.soon[parent].at <= q.soon[i].at {
			return
		}
		q.soon[parent], q.soon[i] = q.soon[i], q.soon[parent]
		i = parent
	}
}

func (q *alarms[K]) popSoon() alarm[K] {
	h := q.soon
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = alarm[K]{}
	q.soon = h[:last]
	h = q.soon
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			return first
		}
		if least+1 < last && h[least+1].at < h[least].at {
			least++
		}
		if h[i].at <= h[least].at {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
