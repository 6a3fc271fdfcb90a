package simtest

import (
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

// clerk is a process function that puts the records of each key in the order of
// their event times: a timer at each time takes what has come for it. It adds
// the sums up, and sets a deadline that the next sum takes back. Timers in
// processing time only count.
type clerk[R any, P record[R]] struct {
	w    *world
	work func()
	salt uint64
	span int64

	cells    *state.Map[event.Time, folded]
	total    *state.Value[folded]
	deadline *state.Value[event.Time]

	set  map[alert]bool // event timers that are to fire
	bell map[alert]bool // processing timers
	last event.Time
	rang int
}

// alert is a timer as the clerk remembers it.
type alert struct {
	key uint32
	at  event.Time
}

// summed is the result of a sum, and missed that of a deadline.
func summed(salt uint64, key uint32, f folded) Flat {
	h := mix(salt, 1, uint64(key), f.n, f.sum)
	return Flat{ID: h, Key: key, Size: int32(h % 20)}
}

func missed(salt uint64, key uint32, at event.Time) Flat {
	return Flat{ID: mix(salt, 2, uint64(key), uint64(at)), Key: key}
}

// then adds the sum of one time to the total.
func (f folded) then(c folded, at event.Time) folded {
	return folded{f.n + c.n, mix(f.sum, c.n, c.sum, uint64(at))}
}

// due is the deadline after a total, 0 for none.
func (f folded) due(at event.Time, span int64) event.Time {
	if f.sum%3 == 0 {
		return 0
	}
	return at + event.Time(span)
}

func (c *clerk[R, P]) Open(s *transform.Scope[uint32, R]) error {
	c.cells = state.NewMap[event.Time, folded](s.Store(), "cells")
	c.total = state.NewValue[folded](s.Store(), "total")
	c.deadline = state.NewValue[event.Time](s.Store(), "deadline")
	return nil
}

func (c *clerk[R, P]) Process(s *transform.Scope[uint32, R], v *R) error {
	c.work()
	if s.Time() <= s.Watermark() {
		c.w.broken("clerk: a record of time %d with the watermark at %d", s.Time(), s.Watermark())
	}
	f := c.cells.Upsert(s.Time())
	f.n++
	f.sum += P(v).flat().ID
	s.SetTimer(transform.EventTimer, s.Time())
	c.set[alert{s.Key(), s.Time()}] = true
	switch h := mix(P(v).flat().ID, c.salt); {
	case h%8 < 2:
		at := event.At(s.Now()) + event.Time(h>>8%3_000_000)
		s.SetTimer(transform.ProcessingTimer, at)
		c.bell[alert{s.Key(), at}] = true
		if h%8 == 0 {
			s.DeleteTimer(transform.ProcessingTimer, at)
			delete(c.bell, alert{s.Key(), at})
		}
	}
	return nil
}

func (c *clerk[R, P]) OnTimer(s *transform.Scope[uint32, R], at event.Time, kind transform.TimerKind) error {
	c.work()
	me := alert{s.Key(), at}
	if kind == transform.ProcessingTimer {
		c.ring(s, me)
		return nil
	}
	if !c.set[me] {
		c.w.broken("clerk: the timer of key %d at %d was not set, or has fired", me.key, at)
	}
	delete(c.set, me)
	if at < c.last || at > s.Watermark() || s.Time() != at {
		c.w.broken("clerk: the timer at %d fires with time %d after that at %d, with the watermark at %d", at, s.Time(), c.last, s.Watermark())
	}
	c.last = at
	old, _ := c.deadline.Get()
	if old == at {
		var u R
		P(&u).set(missed(c.salt, me.key, at))
		s.Emit(u)
		c.deadline.Clear()
		old = 0
	}
	cell, ok := c.cells.Get(at)
	if !ok {
		return nil
	}
	c.cells.Delete(at)
	total := c.total.Upsert()
	*total = total.then(cell, at)
	var u R
	P(&u).set(summed(c.salt, me.key, *total))
	s.Emit(u)
	if _, needed := c.cells.Get(old); old != 0 && !needed {
		s.DeleteTimer(transform.EventTimer, old)
		delete(c.set, alert{me.key, old})
	}
	c.deadline.Clear()
	if due := total.due(at, c.span); due != 0 {
		c.deadline.Set(due)
		s.SetTimer(transform.EventTimer, due)
		c.set[alert{me.key, due}] = true
	}
	return nil
}

// ring checks a timer in processing time.
func (c *clerk[R, P]) ring(s *transform.Scope[uint32, R], me alert) {
	if !c.bell[me] || me.at > event.At(s.Now()) {
		c.w.broken("clerk: the timer of key %d at %d in processing time rings at %d, set: %v", me.key, me.at, event.At(s.Now()), c.bell[me])
	}
	delete(c.bell, me)
	c.rang++
	for o := range c.bell {
		if o.at < me.at {
			c.w.broken("clerk: the timer at %d in processing time rings before that at %d", me.at, o.at)
		}
	}
}

// clerk adds a process function, and often a probe that sees to the order of
// what it emits for each key.
func (b *builder[R, P]) clerk(s stream, salt uint64) {
	node := len(b.nodes)
	span := 1 + b.w.rng.Int64N(500)
	b.add(&graph.Node{Kind: "clerk", Keyed: true, NeedsWatermarks: true, Inputs: []graph.Input{b.keyed(s)}, Operator: func() operator.Operator {
		c := &clerk[R, P]{w: b.w, work: func() { b.work(node) }, salt: salt, span: span, last: event.MinTime, set: map[alert]bool{}, bell: map[alert]bool{}}
		b.clerks[node] = append(b.clerks[node], c)
		return transform.NewProcess(func(v *R) uint32 { return P(v).flat().Key }, c, transform.InMemory(memory.NewBackend[uint32]), nil)
	}}, true, func(in []elem) [][]elem { return [][]elem{clerked[R, P](in, salt, span)} })
	if b.w.rng.IntN(3) == 0 {
		return
	}
	from := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	b.add(&graph.Node{Kind: "order", Inputs: []graph.Input{b.keyed(from)}, Operator: func() operator.Operator {
		return &probe{w: b.w, timed: true, last: event.MinTime, order: map[uint32]event.Time{}, key: func(batch event.Batch, i int) uint32 {
			return P(&batch.(*event.Records[R]).Values[i]).flat().Key
		}}
	}}, true, func(in []elem) [][]elem { return [][]elem{in} })
}

// clerked is what clerks emit, in the order of event time.
func clerked[R any, P record[R]](in []elem, salt uint64, span int64) (out []elem) {
	cells := map[uint32]map[event.Time]folded{}
	for _, e := range in {
		if cells[e.Key] == nil {
			cells[e.Key] = map[event.Time]folded{}
		}
		f := cells[e.Key][e.time]
		cells[e.Key][e.time] = folded{f.n + 1, f.sum + e.ID}
	}
	for key, of := range cells {
		var total folded
		var deadline event.Time
		var times []event.Time
		for t := range of {
			times = append(times, t)
		}
		slices.Sort(times)
		for i, t := range append(times, event.MaxTime) {
			if deadline != 0 && deadline <= t {
				out = append(out, elem{made[R, P](missed(salt, key, deadline)), deadline})
			}
			if i == len(times) {
				break
			}
			total = total.then(of[t], t)
			out = append(out, elem{made[R, P](summed(salt, key, total)), t})
			deadline = total.due(t, span)
		}
	}
	return out
}
