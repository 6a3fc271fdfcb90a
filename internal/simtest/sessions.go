package simtest

import (
	"cmp"
	"slices"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/window"
)

// windowed is the record that a window's fold makes.
func windowed(salt uint64, k uint32, w window.Window, f *folded) Flat {
	h := mix(salt, uint64(k), uint64(w.Start), uint64(w.End), f.n, f.sum)
	return Flat{ID: h, Key: k, Size: int32(h % 30)}
}

// sessions adds session windows.
func (b *builder[R, P]) sessions(s stream, salt uint64) {
	node := len(b.nodes)
	gap := 1 + b.w.rng.Int64N(150)
	fold := transform.Fold[R, folded]{
		Add:   func(f *folded, v *R) { b.work(node); f.n++; f.sum += P(v).flat().ID },
		Merge: func(into, from *folded) { into.n += from.n; into.sum += from.sum },
	}
	result := func(k uint32, w window.Window, t window.Timing, f *folded, emit func(R)) error {
		if t != window.OnTime {
			b.w.broken("a session of key %d has a result with timing %v", k, t)
		}
		var u R
		P(&u).set(windowed(salt, k, w, f))
		emit(u)
		return nil
	}
	b.add(&graph.Node{Kind: "session", Keyed: true, NeedsWatermarks: true, Inputs: []graph.Input{b.keyed(s)}, Operator: func() operator.Operator {
		return transform.NewSession(window.Session(time.Duration(gap)), window.Firing{}, func(v *R) uint32 { return P(v).flat().Key }, fold, result,
			transform.InTables(tablesApart[uint32, transform.Activity[folded]](b.apart)))
	}}, true, func(in []elem) [][]elem { return [][]elem{sessioned[R, P](in, salt, gap)} })
}

// sessioned is what session windows emit.
func sessioned[R any, P record[R]](in []elem, salt uint64, gap int64) (out []elem) {
	of := map[uint32][]elem{}
	for _, e := range in {
		of[e.Key] = append(of[e.Key], e)
	}
	for key, list := range of {
		slices.SortFunc(list, func(a, b elem) int { return cmp.Compare(a.time, b.time) })
		for from := 0; from < len(list); {
			var f folded
			to := from
			for ; to < len(list) && (to == from || int64(list[to].time-list[to-1].time) < gap); to++ {
				f.n++
				f.sum += list[to].ID
			}
			w := window.Window{Start: list[from].time, End: list[to-1].time + event.Time(gap)}
			out = append(out, elem{made[R, P](windowed(salt, key, w, &f)), w.End - 1})
			from = to
		}
	}
	return out
}
