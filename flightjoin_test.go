package afflux_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/state/pebble"
)

// arrives is when a flight is taken to arrive: see the SQL beside the answers.
func arrives(f *flight) time.Time {
	return f.Date.Add(time.Duration(30+f.Distance/8) * time.Minute)
}

// turnaround is what one airport has of departures with arrivals before them.
type turnaround struct {
	Airport                   string
	Pairs, Gap, Delays, Alone int
}

// pairOfFlights is a departure with an arrival, or without one.
func pairOfFlights(d, a *flight) turnaround {
	if a == nil {
		return turnaround{Airport: d.Origin, Alone: 1}
	}
	gap := int(d.Date.Sub(arrives(a)) / time.Minute)
	return turnaround{Airport: d.Origin, Pairs: 1, Gap: gap, Delays: d.Delay + 3*a.Delay + d.Delay*a.Delay}
}

// TestFlightsJoinAgainstDuckDB compares with what DuckDB says: see the SQL
// beside the answers.
func TestFlightsJoinAgainstDuckDB(t *testing.T) {
	want := flightJoins(t)
	check := func(t *testing.T, options ...afflux.JobOption) {
		j := afflux.NewJob("t", options...)
		flights := func(name string, when func(*flight) time.Time) *afflux.Stream[flight] {
			return afflux.From(j, name, file.Source[flight]("examples/data/flights-100k.csv.gz")).
				EventTime(when, afflux.OutOfOrder(33*time.Hour))
		}
		departures := flights("departures", func(f *flight) time.Time { return f.Date }).KeyBy("origin", func(f *flight) string { return f.Origin })
		arrivals := flights("arrivals", arrives).KeyBy("destination", func(f *flight) string { return f.Destination })
		pairs := departures.Join(arrivals).Between(-45*time.Minute, 0).Left("turnaround", pairOfFlights)
		out, late1, late2 := memory.Sink[turnaround](), memory.Sink[flight](), memory.Sink[flight]()
		pairs.LateLeft().To("late departures", late1)
		pairs.LateRight().To("late arrivals", late2)
		pairs.To("out", out)
		if err := run(t, j); err != nil {
			t.Fatal(err)
		}
		if n, m := len(late1.Values()), len(late2.Values()); n+m > 0 {
			t.Errorf("%d and %d flights are late", n, m)
		}
		sums := map[string]turnaround{}
		for _, v := range out.Values() {
			s := sums[v.Airport]
			sums[v.Airport] = turnaround{v.Airport, s.Pairs + v.Pairs, s.Gap + v.Gap, s.Delays + v.Delays, s.Alone + v.Alone}
		}
		var got []turnaround
		for _, s := range sums {
			got = append(got, s)
		}
		equalSets(t, "airports", got, want)
	}
	for _, p := range parallelisms {
		t.Run(fmt.Sprint(p), func(t *testing.T) { check(t, afflux.Parallelism(p)) })
	}
	t.Run("on disk", func(t *testing.T) {
		d, err := pebble.In(t.TempDir(), pebble.MinMemory)
		if err != nil {
			t.Fatal(err)
		}
		check(t, afflux.Parallelism(2), afflux.StateOnDisk(d))
	})
}

// flightJoins reads the answers.
func flightJoins(t *testing.T) (out []turnaround) {
	f, err := os.Open("testdata/flights-joins.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 100 || fmt.Sprint(rows[0]) != "[airport pairs gap delays alone]" {
		t.Fatalf("there are %d rows of answers, with the header %v", len(rows), rows[0])
	}
	for _, row := range rows[1:] {
		var n [4]int
		for i := range n {
			if n[i], err = strconv.Atoi(row[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, turnaround{row[0], n[0], n[1], n[2], n[3]})
	}
	return out
}
