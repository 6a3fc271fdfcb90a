package window_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

func place(t testing.TB, name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func windowAt(a window.Assigner, at event.Time) window.Window { return a.Window(a.Pane(at)) }

func TestDaysFollowTheClock(t *testing.T) {
	for _, c := range []struct {
		place, date string
		hours       float64
		start       string
	}{
		{"Europe/Berlin", "2026-03-29", 23, "2026-03-28T23:00:00Z"},
		{"Europe/Berlin", "2026-10-25", 25, "2026-10-24T22:00:00Z"},
		{"Europe/Berlin", "2026-07-01", 24, "2026-06-30T22:00:00Z"},
		{"America/New_York", "2026-03-08", 23, "2026-03-08T05:00:00Z"},
		{"America/New_York", "2026-11-01", 25, "2026-11-01T04:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04", 23, "2018-11-04T03:00:00Z"}, // midnight is left out
		{"America/Havana", "2019-11-03", 25, "2019-11-03T04:00:00Z"},    // midnight comes twice
		{"Pacific/Apia", "2011-12-29", 24, "2011-12-29T10:00:00Z"},      // the 30th is left out
		{"UTC", "1969-12-31", 24, "1969-12-31T00:00:00Z"},
	} {
		p := place(t, c.place)
		noon, err := time.ParseInLocation("2006-01-02 15", c.date+" 12", p)
		if err != nil {
			t.Fatal(err)
		}
		w := windowAt(window.Days(p), event.At(noon))
		if hours := w.End.Std().Sub(w.Start.Std()).Hours(); hours != c.hours || w.Start.String() != c.start {
			t.Errorf("%s in %s has %v hours from %s, want %v from %s", c.date, c.place, hours, w.Start, c.hours, c.start)
		}
	}
}

func TestWeeksAndMonths(t *testing.T) {
	p := place(t, "Europe/Berlin")
	at := event.At(time.Date(2026, 3, 29, 12, 0, 0, 0, p)) // a Sunday
	for _, c := range []struct {
		a    window.Assigner
		want string
	}{
		{window.Weeks(p, time.Monday), "2026-03-23 2026-03-30"},
		{window.Weeks(p, time.Sunday), "2026-03-29 2026-04-05"},
		{window.Weeks(p, time.Saturday), "2026-03-28 2026-04-04"},
		{window.Months(p), "2026-03-01 2026-04-01"},
	} {
		w := windowAt(c.a, at)
		from, to := w.Start.Std().In(p), w.End.Std().In(p)
		if got := from.Format(time.DateOnly) + " " + to.Format(time.DateOnly); got != c.want || from.Hour()+to.Hour() != 0 {
			t.Errorf("%v: %v to %v, want %s", c.a, from, to, c.want)
		}
	}
}

// A day begins when clocks first show its date, found here by going back a
// minute at a time.
func TestDaysBeginAtTheirDate(t *testing.T) {
	places := []string{"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(places).Draw(t, "place")
		p, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		a := window.Days(p)
		at := event.Time(rapid.Int64Range(0, 2_000_000_000).Draw(t, "second")) * 1e9
		w := windowAt(a, at)
		if !w.Contains(at) {
			t.Fatalf("%v is not in its window %v", at, w)
		}
		date := func(x event.Time) string { return x.Std().In(p).Format(time.DateOnly) }
		first := date(w.Start)
		for x := w.Start - 60e9; x > w.Start-event.Time(26*time.Hour); x -= 60e9 {
			if date(x) >= first {
				t.Fatalf("%s: the window that begins at %v shows %s, as clocks did at %v", name, w.Start, first, x)
			}
		}
		if date(w.End) <= first {
			t.Fatalf("%s: window %v ends on its date", name, w)
		}
	})
}

func TestCalendarsAreDivisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := time.LoadLocation(rapid.SampledFrom([]string{"Europe/Berlin", "America/Havana", "Pacific/Apia"}).Draw(t, "place"))
		if err != nil {
			t.Fatal(err)
		}
		a := rapid.SampledFrom([]window.Assigner{window.Days(p), window.Weeks(p, time.Monday), window.Months(p)}).Draw(t, "assigner")
		at := event.Time(rapid.Int64().Draw(t, "time"))
		pane := a.Pane(at)
		if start, end := a.PaneStart(pane), a.PaneStart(pane+1); at < start || at > end || at == end && end != event.MaxTime {
			t.Fatalf("%v: %v is in [%v,%v)", a, at, start, end)
		}
		if at > event.MinTime && at < event.MaxTime {
			if last := a.Complete(at); !a.Window(last).Complete(at) || a.Window(last+1).Complete(at) {
				t.Fatalf("%v: window %d is the last complete at %v", a, last, at)
			}
			if a.Live(at) != a.Complete(at)+1 {
				t.Fatalf("%v: live and complete disagree at %v", a, at)
			}
		}
	})
}

func TestGlobalIsCompleteAtTheEnd(t *testing.T) {
	a := window.Global()
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	if w := windowAt(a, 17); w != (window.Window{Start: event.MinTime, End: event.MaxTime}) {
		t.Errorf("global window is %v", w)
	}
	if w := windowAt(a, 17); w.Complete(event.MaxTime-1) || a.Complete(event.MaxTime-1) >= 0 || a.Complete(event.MaxTime) < 0 {
		t.Error("the global window is not complete at the end only")
	}
}

func TestInvalidDefinitions(t *testing.T) {
	for want, d := range map[string]window.Definition{
		"window.Session(0s): the gap is 0s; it has to be positive":                             window.Session(0),
		"window.Count(0): the size is 0; it has to be positive":                                window.Count(0),
		"window.SlidingCount(4, -1): the slide is -1; it has to be positive":                   window.SlidingCount(4, -1),
		"window.Days(nil): no place is given; use time.UTC, or what time.LoadLocation returns": window.Days(nil),
		"window.Weeks(UTC, %!Weekday(9)): there is no such day of the week":                    window.Weeks(time.UTC, 9),
	} {
		if err := d.Err(); err == nil || err.Error() != want {
			t.Errorf("%v: error is %v, want %q", d, err, want)
		}
	}
	for _, d := range []window.Definition{window.Session(time.Minute), window.Count(7), window.SlidingCount(10, 4), window.Days(time.UTC)} {
		if err := d.Err(); err != nil {
			t.Error(err)
		}
	}
	if c := window.SlidingCount(10, 4); c.Pane() != 2 || c.PanesPerWindow() != 5 {
		t.Errorf("panes of %v: %d of %d records", c, c.PanesPerWindow(), c.Pane())
	}
}

func TestTimingAsText(t *testing.T) {
	for _, want := range []window.Timing{window.OnTime, window.Early, window.Late} {
		text, err := want.MarshalText()
		var got window.Timing
		if err != nil || got.UnmarshalText(text) != nil || got != want || string(text) != fmt.Sprint(want) {
			t.Errorf("%v becomes %q and then %v", want, text, got)
		}
	}
	if err := new(window.Timing).UnmarshalText([]byte("soon")); err == nil {
		t.Error("soon is a timing")
	}
}
