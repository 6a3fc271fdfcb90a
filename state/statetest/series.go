package statetest

import (
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"pgregory.net/rapid"
)

// series changes the series of the current key, and compares it with a slice
// that is sorted anew each time.
func (m *states[K]) series(r *rapid.T, w *remembered) {
	at := event.Time(rapid.IntRange(0, 30).Draw(r, "event time"))
	switch rapid.IntRange(0, 9).Draw(r, "series op") {
	case 0, 1, 2, 3, 4:
		x := rapid.Int64().Draw(r, "value")
		m.dated.Insert(at, pairOf(x))
		w.dated = append(w.dated, state.Dated[pair]{At: at, Value: pairOf(x)})
		slices.SortStableFunc(w.dated, func(a, b state.Dated[pair]) int { return int(a.At - b.At) })
	case 5, 6:
		n := len(m.dated.Through(at))
		want := slices.IndexFunc(w.dated, func(d state.Dated[pair]) bool { return d.At > at })
		if want < 0 {
			want = len(w.dated)
		}
		if n != want {
			r.Fatalf("%d elements are at or before %d, want %d", n, at, want)
		}
		if n > 0 {
			m.dated.DropFirst(n)
			w.dated = w.dated[n:]
		}
	case 7: // a value is changed in place
		if got := m.dated.Get(); len(got) > 0 {
			i := rapid.IntRange(0, len(got)-1).Draw(r, "index")
			got[i].Value.N++
			w.dated[i].Value.N++
		}
	case 8:
		if rapid.IntRange(0, 4).Draw(r, "clear") == 0 {
			m.dated.Clear()
			w.dated = nil
		}
	}
	if got := m.dated.Get(); !slices.Equal(got, w.dated) || m.dated.Len() != len(w.dated) {
		r.Fatalf("a series of %d is %v, want %v", m.dated.Len(), got, w.dated)
	}
	to := at + event.Time(rapid.IntRange(-1, 10).Draw(r, "span"))
	want := []state.Dated[pair](nil)
	for _, d := range w.dated {
		if at <= d.At && d.At <= to {
			want = append(want, d)
		}
	}
	if got := m.dated.Between(at, to); !slices.Equal(got, want) {
		r.Fatalf("between %d and %d are %v, want %v", at, to, got, want)
	}
}
