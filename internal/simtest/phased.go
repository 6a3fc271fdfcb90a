package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// tide says which records exist by now. Event time is divided into phases; in
// each, a split has records or none at all, and may then be idle. A phase opens
// when all before it has been read and nothing is in flight, and at first with
// one record of each of its splits: once all operators know again that these are
// not idle, the rest follows. So a split that was idle comes back in time, and
// any late record is a fault of the engine.
type tide struct {
	length  int64 // of a phase in event time, nanoseconds
	phases  int
	phase   int
	opening bool
	closing bool // the splits end
	patient bool // a phase opens only when everything is idle
}

// phased is a source whose splits have records in some of the phases. Records
// come out of order within the bound.
type phased[R any, P record[R]] struct {
	w       *world
	tide    *tide
	seed    uint64
	node    int
	splits  int // of each subtask
	most    int // records of a split in a phase
	keys    int
	grain   int64 // event times are multiples of it
	bound   int64
	idle    int64 // after which a split is idle, 0: never
	latency int64 // of a fetch at most, less than idle
	early   bool  // splits end with their last record, in phase final
	final   int
	size    func(h uint64) int32
	logs    map[[2]int]shelf
	read    []elem
	readers []*phasedReader[R, P]
	group   *squad
}

// shelf is a split: its records in the order of arrival, and what became of
// them.
type shelf struct {
	log     []elem
	ends    []int // of the phases, in log
	next    int   // first that was not handed over
	fetched int   // first that is not at hand
	to      int   // what the fetch under way brings
	arrives int64 // when it does, 0 if there is none
	top     event.Time
	ended   bool
}

// fill makes the records of all splits.
func (s *phased[R, P]) fill(parallelism int) {
	s.logs = map[[2]int]shelf{}
	for sub := range parallelism {
		for k := range s.splits {
			s.logs[[2]int{sub, k}] = s.made(sub, k)
		}
	}
}

func (s *phased[R, P]) made(sub, split int) shelf {
	r := rand.New(rand.NewPCG(s.seed, mix(uint64(sub), uint64(split))))
	l := shelf{top: event.MinTime}
	for p := range s.tide.phases {
		begin := int64(p)*s.tide.length + 1 // 0 is no time to the clerks
		n := r.IntN(s.most + 1)
		if r.IntN(3) == 0 || s.early && p > s.final {
			n = 0
		}
		type arrival struct {
			elem
			at int64
		}
		var list []arrival
		for j := range n {
			t := begin + r.Int64N(s.tide.length)/s.grain*s.grain
			if j == 0 {
				t = begin + r.Int64N(s.bound+1) // the first: its watermark is before the phase
			}
			t = max(t, begin)
			h := mix(s.seed, uint64(sub), uint64(split), uint64(p), uint64(j))
			e := elem{Flat: Flat{ID: h, Key: uint32(mix(h, 1) % uint64(s.keys)), Size: s.size(mix(h, 2))}, time: event.Time(t)}
			at := t + r.Int64N(s.bound+1)
			if j == 0 {
				at = begin - 1
			}
			list = append(list, arrival{e, at})
		}
		slices.SortStableFunc(list, func(a, b arrival) int { return int(a.at - b.at) })
		for _, a := range list {
			l.log = append(l.log, a.elem)
		}
		l.ends = append(l.ends, len(l.log))
	}
	return l
}

// available is how many records of the split exist by now.
func (t *tide) available(l *shelf) int {
	if !t.opening {
		return l.ends[t.phase]
	}
	before := 0
	if t.phase > 0 {
		before = l.ends[t.phase-1]
	}
	return min(before+1, l.ends[t.phase])
}

// mark is the watermark that the split stands for.
func (l *shelf) mark(bound int64) event.Time {
	if l.top == event.MinTime {
		return event.MinTime
	}
	return l.top - event.Time(bound) - 1
}

func (s *phased[R, P]) Describe() connector.Description {
	return connector.Description{Kind: "phased", Target: fmt.Sprint(s.node), Bounded: true}
}

func (s *phased[R, P]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[R], error) {
	r := &phasedReader[R, P]{s: s, sub: sub, shelves: make([]shelf, s.splits)}
	for k := range r.shelves {
		r.shelves[k] = s.logs[[2]int{sub.Index, k}]
	}
	s.readers = append(s.readers, r)
	if s.group != nil {
		s.group.join(r)
	}
	return r, nil
}

// phasedReader fetches ahead like a client of a broker: each split apart, with
// a latency, and not while it is told that the job presses.
type phasedReader[R any, P record[R]] struct {
	s       *phased[R, P]
	sub     connector.Subtask
	shelves []shelf
	paused  int64 // since when, 0 if it is not
	resting bool  // it had nothing since its last record
	done    bool
}

// Splits implements connector.SplitLister.
func (r *phasedReader[R, P]) Splits() (list []int) {
	for k := range r.shelves {
		if !r.shelves[k].ended {
			list = append(list, k)
		}
	}
	return list
}

// SplitsChanged implements connector.SplitLister.
func (r *phasedReader[R, P]) SplitsChanged() bool { return false }

// fetch takes what has arrived and asks for more.
func (r *phasedReader[R, P]) fetch() {
	const ahead = 40
	w := r.s.w
	for k := range r.shelves {
		l := &r.shelves[k]
		if l.arrives != 0 && l.arrives <= w.clock {
			l.fetched, l.arrives = l.to, 0
		}
		if there := r.s.tide.available(l); l.arrives == 0 && l.fetched < there && l.fetched-l.next < ahead {
			l.to = min(there, l.fetched+1+w.rng.IntN(ahead))
			d := 1 + w.rng.Int64N(r.s.latency)
			if w.hush {
				d = 1000
			}
			l.arrives = w.clock + d
			w.later(d, r.sub.Wake)
		}
	}
}

// Pressed implements connector.Pauser: a fetch under way stands still.
func (r *phasedReader[R, P]) Pressed(on bool) {
	w := r.s.w
	if on {
		if r.paused != 0 {
			w.broken("source %d is paused twice", r.s.node)
		}
		r.fetch()
		r.paused = w.clock
		return
	}
	for k := range r.shelves {
		if l := &r.shelves[k]; l.arrives != 0 {
			l.arrives += w.clock - r.paused
			w.later(l.arrives-w.clock, r.sub.Wake)
		}
	}
	r.paused = 0
	r.fetch()
}

// Poll hands over records of one split that are at hand.
func (r *phasedReader[R, P]) Poll(dst *event.Records[R], limit connector.Limit) (connector.Status, error) {
	s, w := r.s, r.s.w
	if r.paused == 0 {
		r.fetch()
	}
	if s.group != nil {
		s.group.polled(w, r)
	}
	var ready []int
	open := 0
	for k := range r.shelves {
		l := &r.shelves[k]
		if l.ended {
			continue
		}
		open++
		if l.next < l.fetched || r.last(l) {
			ready = append(ready, k)
		}
	}
	switch {
	case open == 0:
		r.done = true
		return connector.Status{State: connector.Done}, nil
	case len(ready) == 0:
		r.resting = true
		return connector.Status{State: connector.Idle}, nil
	}
	k := ready[w.rng.IntN(len(ready))]
	l := &r.shelves[k]
	n := min(limit.Records, l.fetched-l.next)
	if w.chance(2) && n > 1 {
		n = 1 + w.rng.IntN(n)
	}
	for range n {
		e := l.log[l.next]
		l.next++
		l.top = max(l.top, e.time)
		P(dst.Next(e.time)).set(e.Flat)
		e.Flat = *P(&dst.Values[len(dst.Values)-1]).flat()
		s.read = append(s.read, e)
		r.resting = false
		if dst.Bytes() >= limit.Bytes {
			break
		}
	}
	st := connector.Status{Split: k}
	if r.last(l) {
		l.ended = true
		st.State = connector.SplitDone
	}
	return st, nil
}

// last tells whether the split has come to its end.
func (r *phasedReader[R, P]) last(l *shelf) bool {
	t := r.s.tide
	if t.closing {
		return l.next == len(l.log)
	}
	return r.s.early && t.phase >= r.s.final && !t.opening && l.next == len(l.log)
}

func (r *phasedReader[R, P]) Close() error { return nil }

// exhausted tells whether all records that exist were handed over, and pure
// whether no split has ended.
func (s *phased[R, P]) exhausted() (exhausted, pure bool) {
	exhausted, pure = true, true
	for _, r := range s.readers {
		for k := range r.shelves {
			l := &r.shelves[k]
			exhausted = exhausted && l.next == s.tide.available(l)
			pure = pure && !l.ended
		}
	}
	return exhausted, pure
}

// wake lets all readers look at the tide: clients fetch by themselves.
func (s *phased[R, P]) wake() {
	for _, r := range s.readers {
		if r.paused == 0 {
			r.fetch()
		}
		r.sub.Wake()
	}
}

// marks is the range of the watermarks of the reader's splits that have not
// ended; ok is false when there is none.
func (r *phasedReader[R, P]) marks() (low, high event.Time, ok bool) {
	low, high = event.MaxTime, event.MinTime
	for k := range r.shelves {
		if l := &r.shelves[k]; !l.ended {
			m := l.mark(r.s.bound)
			low, high, ok = min(low, m), max(high, m), true
		}
	}
	return low, high, ok
}

// horizon is the range in which the engine must hold the watermark of the
// reader, and whether it holds others back.
func (r *phasedReader[R, P]) horizon() (low, high event.Time, holds bool) {
	low, high, ok := r.marks()
	if r.s.idle == 0 {
		high = low
	}
	return low, high, ok && !r.done && (!r.resting || r.s.idle == 0)
}

func (r *phasedReader[R, P]) name() string { return fmt.Sprintf("%d/%d", r.s.node, r.sub.Index) }
