package afflux_test

import (
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
	"pgregory.net/rapid"
)

// stay is a record of the tests of windows.
type stay struct {
	User int
	At   event.Time
	ID   int
}

func when(v *stay) event.Time { return v.At }
func user(v *stay) int        { return v.User }

// drawStays are out of order by up to bound.
func drawStays(t *rapid.T, span, bound time.Duration) []stay {
	n := rapid.IntRange(1, 200).Draw(t, "records")
	start := event.At(time.Date(2026, 10, 23, 0, 0, 0, 0, time.UTC))
	type delayed struct {
		stay
		seen event.Time
	}
	all := make([]delayed, n)
	for i := range all {
		at := start + event.Time(rapid.Int64Range(0, int64(span)).Draw(t, "time"))
		all[i] = delayed{stay{rapid.IntRange(0, 4).Draw(t, "user"), at, i}, at + event.Time(rapid.Int64Range(0, int64(bound)).Draw(t, "delay"))}
	}
	slices.SortStableFunc(all, func(a, b delayed) int { return cmp.Compare(a.seen, b.seen) })
	out := make([]stay, n)
	for i := range all {
		out[i] = all[i].stay
	}
	return out
}

// bag is a window of a user with the ids of its records.
type bag struct {
	user       int
	start, end event.Time
	ids        string
}

func bagOf(user int, start, end event.Time, records []stay) bag {
	ids := make([]int, len(records))
	for i, v := range records {
		ids[i] = v.ID
	}
	slices.Sort(ids)
	return bag{user, start, end, fmt.Sprint(ids)}
}

func sortBags(bags []bag) []bag {
	slices.SortFunc(bags, func(a, b bag) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), strings.Compare(a.ids, b.ids))
	})
	return bags
}

// inWindows puts records into the windows that of lists for an event time.
func inWindows(stays []stay, of func(time.Time) [][2]time.Time) []bag {
	type id struct {
		user       int
		start, end event.Time
	}
	windows := map[id][]stay{}
	for _, v := range stays {
		for _, w := range of(v.At.Std()) {
			i := id{v.User, event.At(w[0]), event.At(w[1])}
			windows[i] = append(windows[i], v)
		}
	}
	var out []bag
	for i, records := range windows {
		out = append(out, bagOf(i.user, i.start, i.end, records))
	}
	return sortBags(out)
}

// inSessions sorts the records of each user and cuts them at the gaps.
func inSessions(stays []stay, gap time.Duration) []bag {
	byUser := map[int][]stay{}
	for _, v := range stays {
		byUser[v.User] = append(byUser[v.User], v)
	}
	var out []bag
	for user, all := range byUser {
		slices.SortFunc(all, func(a, b stay) int { return cmp.Compare(a.At, b.At) })
		from := 0
		for i := 1; i <= len(all); i++ {
			if i == len(all) || all[i].At.Std().Sub(all[i-1].At.Std()) >= gap {
				out = append(out, bagOf(user, all[from].At, all[i-1].At.Add(gap), all[from:i]))
				from = i
			}
		}
	}
	return sortBags(out)
}

// inDays are the days of a place, by what its calendar shows.
func inDays(p *time.Location) func(time.Time) [][2]time.Time {
	return func(t time.Time) [][2]time.Time {
		y, m, d := t.In(p).Date()
		return [][2]time.Time{{time.Date(y, m, d, 0, 0, 0, 0, p), time.Date(y, m, d+1, 0, 0, 0, 0, p)}}
	}
}

func slidingModel(size, slide time.Duration) func(time.Time) [][2]time.Time {
	return func(t time.Time) (out [][2]time.Time) {
		for s := t.Truncate(slide); s.Add(size).After(t); s = s.Add(-slide) {
			out = append(out, [2]time.Time{s, s.Add(size)})
		}
		return out
	}
}

// windowsOf runs a job and returns its results.
func windowsOf(t testing.TB, parallelism int, place []afflux.JobOption, stays []stay, d window.Definition, bound time.Duration, options ...afflux.WindowOption) (results []window.Result[int, []stay], late []stay) {
	j := afflux.NewJob("t", append([]afflux.JobOption{afflux.Parallelism(parallelism), afflux.Buffers(2, 256)}, place...)...)
	out, lateOut := memory.Sink[window.Result[int, []stay]](), memory.Sink[stay]()
	r := afflux.From(j, "stays", memory.Source(stays), afflux.Parallelism(1)).
		EventTime(when, afflux.OutOfOrder(bound)).
		KeyBy("user", user).
		Window(d, options...).
		Apply("window", func(r *window.Result[int, []stay], emit func(window.Result[int, []stay])) error {
			own := *r
			own.Value = slices.Clone(r.Value)
			emit(own)
			return nil
		})
	r.To("out", out)
	r.Late().To("late", lateOut)
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Values(), lateOut.Values()
}

func TestWindowsAgainstBruteForce(t *testing.T) {
	berlin, newYork := location(t, "Europe/Berlin"), location(t, "America/New_York")
	const bound = 5 * time.Hour
	for _, c := range []struct {
		definition window.Definition
		want       func([]stay) []bag
	}{
		{window.Tumbling(time.Hour), func(v []stay) []bag { return inWindows(v, slidingModel(time.Hour, time.Hour)) }},
		{window.Sliding(6*time.Hour, 4*time.Hour), func(v []stay) []bag { return inWindows(v, slidingModel(6*time.Hour, 4*time.Hour)) }},
		{window.Days(berlin), func(v []stay) []bag { return inWindows(v, inDays(berlin)) }},
		{window.Days(newYork), func(v []stay) []bag { return inWindows(v, inDays(newYork)) }},
		{window.Session(time.Hour), func(v []stay) []bag { return inSessions(v, time.Hour) }},
		{window.Session(20 * time.Hour), func(v []stay) []bag { return inSessions(v, 20*time.Hour) }},
	} {
		t.Run(c.definition.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				// From 23 October to 3 November, over the ends of summer time.
				stays := drawStays(rt, 11*24*time.Hour, bound)
				want := c.want(slices.Clone(stays))
				where := rapid.SampledFrom(slices.Sorted(maps.Keys(places))).Draw(rt, "state")
				for _, p := range parallelisms {
					results, late := windowsOf(t, p, places[where], stays, c.definition, bound)
					var got []bag
					for _, r := range results {
						if r.Timing != window.OnTime {
							rt.Fatalf("a result is %v", r.Timing)
						}
						got = append(got, bagOf(r.Key, r.Start, r.End, r.Value))
					}
					if !slices.Equal(sortBags(got), want) || len(late) > 0 {
						rt.Fatalf("parallelism %d: %d late, got\n%v\nwant\n%v", p, len(late), got, want)
					}
				}
			})
		})
	}
}

// Whatever is late, nothing is lost: with accumulating results the last one of
// each window, with discarding ones all of them, and the late records make up
// the input.
func TestOnTimeAndLateAreAll(t *testing.T) {
	for _, d := range []window.Definition{window.Tumbling(time.Hour), window.Days(location(t, "Europe/Berlin")), window.Session(time.Hour), window.Global()} {
		t.Run(d.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				stays := drawStays(rt, 11*24*time.Hour, 30*time.Hour)
				bound := time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(rt, "bound"))
				options := []afflux.WindowOption{afflux.AllowedLateness(time.Duration(rapid.SampledFrom([]int64{0, 1, 20}).Draw(rt, "lateness")) * time.Hour)}
				if n := rapid.IntRange(0, 4).Draw(rt, "early"); n > 0 {
					options = append(options, afflux.EarlyCount(n))
				}
				options = append(options, afflux.Discard())
				where := rapid.SampledFrom(slices.Sorted(maps.Keys(places))).Draw(rt, "state")
				for _, p := range parallelisms {
					results, late := windowsOf(t, p, places[where], stays, d, bound, options...)
					var ids []int
					for _, r := range results {
						for _, v := range r.Value {
							ids = append(ids, v.ID)
						}
					}
					for _, v := range late {
						ids = append(ids, v.ID)
					}
					slices.Sort(ids)
					if !slices.Equal(ids, slices.Sorted(maps.Keys(byID(stays)))) {
						rt.Fatalf("parallelism %d: %d of %d records in windows or late: %v", p, len(ids), len(stays), ids)
					}
				}
			})
		})
	}
}

func byID(stays []stay) map[int]stay {
	out := map[int]stay{}
	for _, v := range stays {
		out[v.ID] = v
	}
	return out
}

func location(t testing.TB, name string) *time.Location {
	p, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flight is a row of the sample data.
type flight struct {
	Date            time.Time
	Delay, Distance int
	Origin          string
	Destination     string
}

// delays is the number of flights and the sum of their delays.
type delays struct{ flights, minutes int64 }

var sumDelays = afflux.Aggregator[flight, delays, delays]{
	Add:    func(d *delays, f *flight) { d.flights++; d.minutes += int64(f.Delay) },
	Merge:  func(into, from *delays) { into.flights += from.flights; into.minutes += from.minutes },
	Result: func(d *delays) delays { return *d },
}

// flightWindows reads the sample and folds it into windows of an origin.
func flightWindows(t testing.TB, parallelism int, bound time.Duration, d window.Definition, options ...afflux.WindowOption) ([]window.Result[string, delays], int) {
	j := afflux.NewJob("t", afflux.Parallelism(parallelism))
	out, late := memory.Sink[window.Result[string, delays]](), memory.Sink[flight]()
	r := afflux.From(j, "flights", file.Source[flight]("examples/data/flights-100k.csv.gz")).
		EventTime(func(f *flight) time.Time { return f.Date }, afflux.OutOfOrder(bound)).
		KeyBy("origin", func(f *flight) string { return f.Origin }).
		Window(d, options...).Aggregate("delays", sumDelays)
	r.To("out", out)
	r.Late().To("late", late)
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Values(), len(late.Values())
}

// TestFlightsAgainstDuckDB compares with what DuckDB says: see the SQL beside
// the answers.
func TestFlightsAgainstDuckDB(t *testing.T) {
	want := duckDB(t)
	for kind, d := range map[string]window.Definition{
		"tumbling": window.Tumbling(time.Hour),
		"sliding":  window.Sliding(24*time.Hour, 6*time.Hour),
		"session":  window.Session(30 * time.Minute),
	} {
		for _, p := range parallelisms {
			t.Run(fmt.Sprint(kind, " ", p), func(t *testing.T) {
				// The same with lateness, which nothing needs.
				for _, options := range [][]afflux.WindowOption{nil, {afflux.AllowedLateness(time.Hour)}} {
					results, late := flightWindows(t, p, 21*time.Hour, d, options...)
					var got []string
					for _, r := range results {
						got = append(got, fmt.Sprintf("%s,%d,%d,%d,%d", r.Key, r.Start/1e9, r.End/1e9, r.Value.flights, r.Value.minutes))
					}
					slices.Sort(got)
					if !slices.Equal(got, want[kind]) || late > 0 {
						t.Fatalf("%d results, %d late; want %d results", len(got), late, len(want[kind]))
					}
				}
			})
		}
	}
}

// duckDB reads the answers, sorted, by kind.
func duckDB(t *testing.T) map[string][]string {
	f, err := os.Open("testdata/flights-windows.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, row := range rows[1:] {
		out[row[0]] = append(out[row[0]], strings.Join(row[1:], ","))
	}
	for _, list := range out {
		slices.Sort(list)
	}
	if len(out) != 3 {
		t.Fatalf("there are answers for %d kinds of windows, want 3", len(out))
	}
	return out
}

func TestFlightsOnTimeAndLateAreAll(t *testing.T) {
	const all = 100_000
	for _, d := range []window.Definition{window.Tumbling(time.Hour), window.Days(location(t, "America/New_York")), window.Session(30 * time.Minute)} {
		for i, lateness := range []time.Duration{0, time.Hour, 21 * time.Hour, 6 * time.Hour} {
			if i%2 > 0 && part > 1 {
				continue
			}
			t.Run(fmt.Sprint(d, " ", lateness), func(t *testing.T) {
				for _, p := range parallelisms {
					results, late := flightWindows(t, p, time.Hour, d, afflux.AllowedLateness(lateness), afflux.Discard())
					n := int64(late)
					for _, r := range results {
						n += r.Value.flights
					}
					if n != all || lateness == 0 && late == 0 || lateness == 21*time.Hour && late > 0 {
						t.Errorf("parallelism %d: %d on time or late, %d of them late; want %d in all", p, n, late, all)
					}
				}
			})
		}
	}
}
