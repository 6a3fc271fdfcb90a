package simtest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// source is a source of n records in each split, in event time order but for
// a jitter below bound.
type source[R any, P record[R]] struct {
	w         *world
	number    int
	splits    int // of each subtask
	dealt     int // the subtasks that there were at first, if splits are dealt out anew, else 0
	n         int // records of a split
	keys      int
	step      int64 // event time from record to record
	bound     int64
	size      func(h uint64) int32
	read      []elem // everything that was handed over
	committed int
	stalls    int // a stall once in so many polls
}

func (s *source[R, P]) Describe() connector.Description {
	return connector.Description{Kind: "simulated", Target: fmt.Sprint(s.number), Bounded: true}
}

func (s *source[R, P]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[R], error) {
	r := &reader[R, P]{s: s, sub: sub}
	if s.dealt == 0 {
		for k := range s.splits {
			r.parts = append(r.parts, part{sub.Index, k})
		}
	} else {
		for i := sub.Index; i < s.dealt*s.splits; i += sub.Parallelism {
			r.parts = append(r.parts, part{i / s.splits, i % s.splits})
		}
	}
	r.next = make([]int, len(r.parts))
	for k := range r.parts {
		if sub.Resume != nil {
			n, err := r.parts[k].find(sub.Resume.Splits)
			if err != nil {
				return nil, err
			}
			r.next[k] = n
		}
		if r.next[k] < s.n || s.n == 0 && sub.Resume == nil {
			r.open = append(r.open, k)
		}
	}
	return r, nil
}

// part is a split: that of a subtask, when the job began.
type part struct{ subtask, split int }

func (p part) id() string { return fmt.Sprintf("%d/%d", p.subtask, p.split) }

func (p part) find(at []connector.Split) (int, error) {
	for _, s := range at {
		if s.ID == p.id() {
			return strconv.Atoi(string(s.Position))
		}
	}
	return 0, fmt.Errorf("the place of split %s is not known", p.id())
}

// Positions implements connector.Positioned.
func (r *reader[R, P]) Positions() ([]connector.Split, error) {
	var out []connector.Split
	for k, p := range r.parts {
		out = append(out, connector.Split{ID: p.id(), Position: strconv.AppendInt(nil, int64(r.next[k]), 10)})
	}
	return out, nil
}

// made is record j of a split.
func (s *source[R, P]) made(subtask, split, j int) elem {
	h := mix(uint64(s.number), uint64(subtask), uint64(split), uint64(j))
	e := elem{Flat: Flat{ID: h, Key: uint32(mix(h, 1) % uint64(s.keys)), Size: s.size(mix(h, 2))}}
	e.time = event.Time(int64(j)*s.step + int64(mix(h, 3)%uint64(s.bound+1)))
	return e
}

type reader[R any, P record[R]] struct {
	s     *source[R, P]
	sub   connector.Subtask
	parts []part
	open  []int
	next  []int
}

// Splits implements connector.SplitLister.
func (r *reader[R, P]) Splits() []int { return append([]int(nil), r.open...) }

// SplitsChanged implements connector.SplitLister.
func (r *reader[R, P]) SplitsChanged() bool { return false }

// Poll hands over records of one split, stalls, or ends.
func (r *reader[R, P]) Poll(dst *event.Records[R], limit connector.Limit) (connector.Status, error) {
	s, w := r.s, r.s.w
	if len(r.open) == 0 {
		return connector.Status{State: connector.Done}, nil
	}
	if w.chance(s.stalls) {
		if w.chance(2) {
			return connector.Status{State: connector.Idle, Split: r.open[0], After: time.Duration(1 + w.delay())}, nil
		}
		w.later(w.delay(), r.sub.Wake)
		return connector.Status{State: connector.Idle, Split: r.open[0]}, nil
	}
	if w.chance(10) {
		w.later(w.delay(), r.sub.Wake) // for nothing
	}
	at := w.rng.IntN(len(r.open))
	split := r.open[at]
	st := connector.Status{Split: split}
	most := limit.Records
	if w.chance(2) {
		most = w.rng.IntN(most + 1)
	}
	for range most {
		if r.next[split] == s.n {
			break
		}
		e := s.made(r.parts[split].subtask, r.parts[split].split, r.next[split])
		r.next[split]++
		P(dst.Next(e.time)).set(e.Flat)
		e.Flat = *P(&dst.Values[len(dst.Values)-1]).flat()
		s.read = append(s.read, e)
		if dst.Bytes() >= limit.Bytes {
			break
		}
	}
	if r.next[split] == s.n {
		st.State = connector.SplitDone
		r.open = append(r.open[:at], r.open[at+1:]...)
		if len(r.open) == 0 && w.chance(2) {
			st.State = connector.Done
		}
	}
	return st, nil
}

// Commit implements connector.Committer.
func (r *reader[R, P]) Commit(context.Context, []connector.Split) error { r.s.committed++; return nil }

func (r *reader[R, P]) Close() error { return nil }

// sink keeps everything, with pauses.
type sink[R any, P record[R]] struct {
	w       *world
	got     []elem
	stalls  int
	flushed int
	// vault, if it is not nil, takes what is prepared, and got what is committed.
	vault *vault
}

// vault is what a sink has prepared, by handle. It outlives crashes.
type vault struct {
	next     int
	prepared map[string][]elem
}

func (s *sink[R, P]) commit(handles [][]byte) {
	for _, h := range handles {
		s.got = append(s.got, s.vault.prepared[string(h)]...)
		delete(s.vault.prepared, string(h))
	}
}

// Recover implements connector.Recoverer.
func (s *sink[R, P]) Recover(_ context.Context, r connector.Recovery) error {
	if s.vault == nil {
		return nil
	}
	s.commit(r.Prepared)
	clear(s.vault.prepared)
	return nil
}

// Prepare implements connector.Preparer.
func (w *writer[R, P]) Prepare() (connector.Prepared, error) {
	v := w.s.vault
	if v == nil || len(w.open) == 0 {
		return connector.Prepared{}, nil
	}
	v.next++
	h := strconv.Itoa(v.next)
	v.prepared[h], w.open = w.open, nil
	return connector.Prepared{Handle: []byte(h)}, nil
}

// Commit implements connector.Preparer.
func (w *writer[R, P]) Commit(_ context.Context, handles [][]byte) error {
	w.s.commit(handles)
	return nil
}

func (s *sink[R, P]) Describe() connector.Description {
	return connector.Description{Kind: "simulated"}
}

func (s *sink[R, P]) Open(_ context.Context, sub connector.Subtask) (connector.Writer[R], error) {
	return &writer[R, P]{s: s, sub: sub}, nil
}

type writer[R any, P record[R]] struct {
	s   *sink[R, P]
	sub connector.Subtask
	due int64 // nothing is taken before

	open []elem // not prepared
}

// Write takes some of the records and wakes the task later for the rest.
func (w *writer[R, P]) Write(b *event.Records[R], from int) (int, error) {
	s := w.s
	n := len(b.Values) - from
	if n == 0 {
		s.w.broken("the sink was given an empty batch")
	}
	if s.w.clock < w.due {
		return 0, nil // woken by somebody else
	}
	if s.w.chance(s.stalls) {
		n = s.w.rng.IntN(n + 1)
	}
	for i := from; i < from+n; i++ {
		p := P(&b.Values[i])
		if err := p.sound(); err != nil {
			s.w.broken("sink: %w", err)
		}
		e := elem{*p.flat(), b.Times[i]}
		if s.vault != nil {
			w.open = append(w.open, e)
		} else {
			s.got = append(s.got, e)
		}
	}
	if from+n < len(b.Values) {
		d := s.w.delay()
		w.due = s.w.clock + d
		if s.w.chance(4) {
			w.due = s.w.clock
			w.sub.Wake() // before it waits
		} else {
			s.w.later(d, w.sub.Wake)
		}
	}
	return n, nil
}

func (w *writer[R, P]) Flush(context.Context) error { w.s.flushed++; return nil }
func (w *writer[R, P]) Close() error                { return nil }
