package window_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

// division is drawn at random; its methods find windows by going through time
// one nanosecond after the other.
type division struct{ size, slide, offset int64 }

func drawDivision(t *rapid.T) (division, window.Assigner) {
	d := division{size: rapid.Int64Range(1, 60).Draw(t, "size"), offset: rapid.Int64Range(-200, 200).Draw(t, "offset")}
	d.slide = rapid.Int64Range(1, d.size).Draw(t, "slide")
	option := window.Offset(time.Duration(d.offset))
	a := window.Sliding(time.Duration(d.size), time.Duration(d.slide), option)
	if rapid.Bool().Draw(t, "tumbling") {
		d.slide = d.size
		a = window.Tumbling(time.Duration(d.size), option)
	}
	if a.Err() != nil {
		t.Fatal(a.Err())
	}
	return d, a
}

func (d division) starts(from, to int64) (out []int64) {
	for s := from; s < to; s++ {
		if (s-d.offset)%d.slide == 0 {
			out = append(out, s)
		}
	}
	return out
}

func (d division) startsOf(t int64) []int64 { return d.starts(t-d.size+1, t+1) }

func TestRecordsAreInTheirWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, a := drawDivision(t)
		at := rapid.Int64Range(-500, 500).Draw(t, "time")
		pane := a.Pane(event.Time(at))
		if start, end := a.PaneStart(pane), a.PaneStart(pane+1); int64(start) > at || int64(end) <= at {
			t.Fatalf("%d is in pane [%d,%d)", at, start, end)
		}
		var got []int64
		for first, last := a.WindowsOf(pane); first <= last; first++ {
			w := a.Window(first)
			if from, to := a.PanesOf(first); pane < from || pane >= to || a.PaneStart(from) != w.Start || a.PaneStart(to) != w.End {
				t.Fatalf("window %v is panes [%d,%d), has pane %d", w, from, to, pane)
			}
			if !w.Contains(event.Time(at)) || int64(w.End-w.Start) != d.size {
				t.Fatalf("%d is in window %v of size %d", at, w, d.size)
			}
			got = append(got, int64(w.Start))
		}
		if want := d.startsOf(at); !slices.Equal(got, want) {
			t.Fatalf("%d is in the windows from %v, want %v", at, got, want)
		}
	})
}

func TestPanesAreShared(t *testing.T) { // all times of a pane are in the same windows
	rapid.Check(t, func(t *rapid.T) {
		d, a := drawDivision(t)
		pane := rapid.Int64Range(-100, 100).Draw(t, "pane")
		from, to := int64(a.PaneStart(pane)), int64(a.PaneStart(pane+1))
		for at := from; at < to; at++ {
			if a.Pane(event.Time(at)) != pane || !slices.Equal(d.startsOf(at), d.startsOf(from)) {
				t.Fatalf("%d and %d differ", at, from)
			}
		}
	})
}

func TestWatermarksCompleteWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, a := drawDivision(t)
		watermark := event.Time(rapid.Int64Range(-500, 500).Draw(t, "watermark"))
		last := a.Complete(watermark)
		if w := a.Window(last); !w.Complete(watermark) || watermark < w.End-1 {
			t.Fatalf("window %v is not complete at %d", w, watermark)
		}
		if w := a.Window(last + 1); w.Complete(watermark) || watermark >= w.End-1 {
			t.Fatalf("window %v is complete at %d", w, watermark)
		}
		live := a.Live(watermark)
		if _, last := a.WindowsOf(live); a.Window(last).Complete(watermark) {
			t.Fatalf("pane %d is in no open window", live)
		}
		if _, last := a.WindowsOf(live - 1); !a.Window(last).Complete(watermark) {
			t.Fatalf("pane %d is in an open window", live-1)
		}
	})
}

// An operator that fires what is due and drops the panes that are not live
// produces each window with records in it once, with all of its records.
func TestDueFiresEachWindowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, a := drawDivision(t)
		panes, fired := []int64{}, int64(math.MinInt64)
		count, got, want := map[int64]int{}, map[int64]int{}, map[int64]int{}
		watermark := event.MinTime
		times := rapid.SliceOfN(rapid.Int64Range(-300, 300), 1, 60).Draw(t, "times")
		advance := func(to event.Time) {
			watermark = to
			for w, parts := range a.Due(panes, fired, watermark) {
				if w <= fired || len(parts) == 0 || !a.Window(w).Complete(watermark) {
					t.Fatalf("window %d fires after %d with panes %v", w, fired, parts)
				}
				for _, p := range parts {
					got[int64(a.Window(w).Start)] += count[p]
				}
				fired = w
			}
			panes = slices.DeleteFunc(panes, func(p int64) bool { return p < a.Live(watermark) })
			if last := a.Complete(watermark); last > fired {
				fired = last
			}
		}
		for i, at := range times {
			if p := a.Pane(event.Time(at)); p >= a.Live(watermark) {
				if n, found := slices.BinarySearch(panes, p); !found {
					panes = slices.Insert(panes, n, p)
				}
				count[p]++
				for _, s := range d.startsOf(at) {
					if event.Time(s+d.size-1) > watermark { // still open
						want[s]++
					}
				}
			} else if s := d.startsOf(at); event.Time(s[len(s)-1]+d.size-1) > watermark {
				t.Fatalf("%d is late at %d though a window is open", at, watermark)
			}
			if rapid.IntRange(0, 3).Draw(t, "advance") == 0 {
				advance(max(watermark, event.Time(times[i])))
			}
		}
		advance(event.MaxTime)
		if len(panes) > 0 {
			t.Fatalf("panes %v are never dropped", panes)
		}
		for s, n := range want {
			if got[s] != n {
				t.Fatalf("window from %d has %d records, want %d", s, got[s], n)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("windows %v, want %v", got, want)
		}
	})
}

func TestEndsOfTime(t *testing.T) {
	for _, a := range []window.Assigner{
		window.Tumbling(time.Hour), window.Sliding(time.Hour, 7*time.Minute, window.Offset(time.Second)), window.Tumbling(math.MaxInt64),
	} {
		if a.Complete(event.MinTime) != math.MinInt64 || a.Live(event.MinTime) != math.MinInt64 {
			t.Errorf("%v: windows are complete at the beginning", a)
		}
		if a.Complete(event.MaxTime) != math.MaxInt64 || a.Live(event.MaxTime) != math.MaxInt64 {
			t.Errorf("%v: windows are open at the end", a)
		}
		for _, at := range []event.Time{event.MinTime, event.MinTime + 1, event.MaxTime - 1, event.MaxTime} {
			p := a.Pane(at)
			if start, end := a.PaneStart(p), a.PaneStart(p+1); start > at || end < at {
				t.Errorf("%v: %v is in pane [%v,%v)", a, at, start, end)
			}
			if _, last := a.WindowsOf(p); !a.Window(last).Complete(event.MaxTime) {
				t.Errorf("%v: the window of %v is open at the end", a, at)
			}
		}
	}
}

func TestOffsetMovesDays(t *testing.T) {
	a := window.Tumbling(24*time.Hour, window.Offset(-2*time.Hour))
	noon := event.At(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	_, last := a.WindowsOf(a.Pane(noon))
	if got := a.Window(last).Start.String(); got != "2026-06-30T22:00:00Z" {
		t.Errorf("the day begins at %s", got)
	}
}

func TestInvalidWindows(t *testing.T) {
	for want, a := range map[string]window.Assigner{
		"window.Tumbling(0s): the size is 0s":                  window.Tumbling(0),
		"window.Sliding(-1s, 1s): the size is -1s":             window.Sliding(-time.Second, time.Second),
		"window.Sliding(1m0s, 0s): the slide is 0s":            window.Sliding(time.Minute, 0),
		"window.Sliding(1s, 2s): records between two windows":  window.Sliding(time.Second, 2*time.Second),
		"choose a slide that divides the size":                 window.Sliding(time.Hour, 7*time.Nanosecond),
		"no windows are given; use window.Tumbling or window.": {},
	} {
		if err := a.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error is %v, want %q", a, err, want)
		}
	}
	if err := window.Sliding(24*time.Hour, time.Second).Err(); err != nil {
		t.Error(err)
	}
}

func TestResultAsJSON(t *testing.T) {
	got, err := json.Marshal(window.Result[string, int]{Key: "JFK", Start: 1, End: 2, Value: 3})
	if want := `{"key":"JFK","start":1,"end":2,"value":3}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}
