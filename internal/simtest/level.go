package simtest

import (
	"github.com/affluxdev/afflux/event"
)

// level is where an operator's subtask must stand when nothing is in flight and
// every split has been silent for long: splits of sources that may be idle are,
// and no others.
type level struct {
	mark event.Time
	idle bool
	// owing is set from an operator on that owes results while its inputs are
	// idle: it may hold back what has moved on before it owed them.
	owing bool
}

// join is the level of what reads from all of these: the lowest of those that
// are not idle, and the furthest when all are.
func join(of []level) level {
	low, high := level{mark: event.MaxTime}, level{mark: event.MinTime, idle: true}
	for _, l := range of {
		low.owing = low.owing || l.owing
		high.owing = low.owing
		if l.idle {
			high.mark = max(high.mark, l.mark)
			continue
		}
		high.idle = false
		low.mark = min(low.mark, l.mark)
	}
	if high.idle {
		return high
	}
	return low
}

// checkMarks compares the watermark of every operator with the levels of its
// inputs.
func (t *timing[R, P]) checkMarks() {
	p := t.plan
	levels := make([][]level, len(p.Nodes))
	forward := map[[2]int]bool{} // from, and input of a node: same subtask only
	for _, c := range p.Chains {
		for _, e := range c.In {
			for i, in := range p.Nodes[e.To].Inputs {
				if in.From == e.From && in.Output == e.Output && in.Partition == event.Forward && e.Input.Partition == event.Forward {
					forward[[2]int{e.To, i}] = true
				}
			}
		}
	}
	for i, n := range p.Nodes {
		for sub := range p.Parallelism[i] {
			var of []level
			if n.Source != nil {
				of = t.sources[i].levels(sub)
			}
			for k, in := range n.Inputs {
				if p.ChainOf[in.From] == p.ChainOf[i] || forward[[2]int{i, k}] {
					of = append(of, levels[in.From][sub])
				} else {
					of = append(of, levels[in.From]...)
				}
			}
			want := join(of)
			s := t.w.graph.Tasks[p.ChainOf[i]][sub].Snapshot(i)
			exact := !want.owing
			if owes(n.Kind) && want.idle && !s.WatermarkIdle {
				want.idle, want.owing = false, true
			}
			if s.WatermarkIdle != want.idle || s.Watermark < want.mark || exact && s.Watermark > want.mark {
				t.w.broken("%s/%d stands at %d, idle %v, and its inputs at %d, idle %v", n.Name, sub, s.Watermark, s.WatermarkIdle, want.mark, want.idle)
			}
			want.mark = s.Watermark
			levels[i] = append(levels[i], want)
			t.checked++
		}
	}
}

// owes tells whether operators of a kind may have results to come.
func owes(kind string) bool { return kind == "window" || kind == "session" || kind == "clerk" }

// levels are those of the splits of a subtask.
func (s *phased[R, P]) levels(sub int) (of []level) {
	for _, r := range s.readers {
		if r.sub.Index == sub {
			for k := range r.shelves {
				of = append(of, level{mark: r.shelves[k].mark(s.bound), idle: s.idle > 0})
			}
		}
	}
	return of
}
