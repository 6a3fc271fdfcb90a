package transform_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

// inOrder describes the records of a window in the order in which they were folded.
func inOrder(k string, w window.Window, ids []int) string {
	return fmt.Sprintf("%s [%d,%d) %v", k, w.Start, w.End, ids)
}

func foldedInOrder(k string, w window.Window, a *[]int) string { return inOrder(k, w, *a) }

// TestWindowsOfManyPanes compares windows that share blocks of panes with what is
// found by going through all records for each window: out of order, behind the
// watermark, and with panes that nothing came for.
func TestWindowsOfManyPanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pane := rapid.Int64Range(1, 5).Draw(t, "pane")
		slide := pane * rapid.Int64Range(1, 3).Draw(t, "slide")
		size := pane * rapid.Int64Range(16, 70).Draw(t, "panes")
		a := window.Sliding(time.Duration(size), time.Duration(slide))
		c := &recorder{}
		op := transform.NewWindow(a, keyOf, collect, transform.EachResult(foldedInOrder), table[[]int]())
		if err := op.Open(c); err != nil {
			t.Fatal(err)
		}
		type folded struct {
			arrival
			pane int64
		}
		var all []folded
		var late []int
		watermark := event.MinTime
		advance := func(to event.Time) {
			var want []string
			if len(all) > 0 {
				earlier := func(x, y folded) int { return cmp.Compare(x.at, y.at) }
				from, _ := a.WindowsOf(a.Pane(slices.MinFunc(all, earlier).at))
				_, until := a.WindowsOf(a.Pane(slices.MaxFunc(all, earlier).at))
				for i := from; i <= until; i++ {
					w := a.Window(i)
					if w.End-1 <= watermark || w.End-1 > to {
						continue
					}
					of := map[string][]folded{}
					for _, r := range all {
						if r.at >= w.Start && r.at < w.End {
							of[r.key] = append(of[r.key], r)
						}
					}
					for k, records := range of {
						slices.SortStableFunc(records, func(x, y folded) int { return cmp.Compare(x.pane, y.pane) })
						ids := make([]int, len(records))
						for i, r := range records {
							ids[i] = r.id
						}
						want = append(want, inOrder(k, w, ids))
					}
				}
			}
			watermark = to
			if err := op.Watermark(to); err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			if got := c.results(); !slices.Equal(got, want) {
				t.Fatalf("%v at watermark %d:\ngot  %v\nwant %v", a, to, got, want)
			}
		}
		base := event.Time(0)
		for id := range rapid.IntRange(1, 150).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "step") == 0 {
				base += event.Time(rapid.Int64Range(0, 4*slide).Draw(t, "advance"))
				if base > watermark {
					advance(base)
				}
				continue
			}
			// Behind the watermark, too, now and then too far.
			at := base + event.Time(rapid.Int64Range(-size-slide, 3*slide).Draw(t, "at"))
			r := folded{arrival{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), at, id}, a.Pane(at)}
			if _, last := a.WindowsOf(r.pane); watermark > event.MinTime && a.Window(last).End-1 <= watermark {
				late = append(late, id)
			} else {
				all = append(all, r)
			}
			b := event.NewRecords[arrival](1)
			b.Append(r.arrival, at)
			b.Hashes = append(b.Hashes, event.HashString(r.key))
			if err := op.Process(b); err != nil {
				t.Fatal(err)
			}
		}
		advance(event.MaxTime)
		if int(c.count) != len(late) {
			t.Fatalf("%d records were late, not %v", c.count, late)
		}
	})
}

// TestBlocksSaveMerging counts how often accumulators are merged.
func TestBlocksSaveMerging(t *testing.T) {
	const panes, slides = 60, 400
	for name, c := range map[string]struct {
		key  func(i int) string
		most int // for each window
	}{
		"one key":                    {func(int) string { return "a" }, 25},
		"another key for each slide": {func(i int) string { return fmt.Sprint(i) }, panes + 2},
	} {
		merges := 0
		fold := transform.Fold[arrival, int]{
			Add:   func(a *int, _ *arrival) { *a++ },
			Merge: func(into, from *int) { *into += *from; merges++ },
		}
		r := &recorder{}
		op := transform.NewWindow(window.Sliding(panes, 1), keyOf, fold,
			transform.EachResult(func(_ string, _ window.Window, n *int) string { return fmt.Sprint(*n) }), table[int]())
		if err := op.Open(r); err != nil {
			t.Fatal(err)
		}
		emitted := 0
		for i := range slides {
			b := event.NewRecords[arrival](1)
			b.Append(arrival{c.key(i), event.Time(i), i}, event.Time(i))
			b.Hashes = append(b.Hashes, event.HashString(c.key(i)))
			if err := op.Process(b); err != nil {
				t.Fatal(err)
			}
			if err := op.Watermark(event.Time(i)); err != nil {
				t.Fatal(err)
			}
			emitted += len(r.results())
		}
		if emitted == 0 || merges > c.most*slides {
			t.Errorf("%s: %d results, %d merges in %d windows", name, emitted, merges, slides)
		}
	}
}
