// Command flightdelays tells, for every hour and airport, how many flights were
// due, how late they left on average, and how late the worst of them.
//
//	go run ./examples/flightdelays > hourly.csv
//
// Besides those of every job (--help), it takes no flags.
package main

import (
	"math"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/window"
)

// Flight is a row of the input.
type Flight struct {
	Date        time.Time // scheduled departure
	Delay       int       // minutes, negative when early
	Distance    int       // miles
	Origin      string
	Destination string
}

// Hour is a row of the output: the flights of an airport in an hour.
type Hour struct {
	Start   time.Time `csv:"window_start"`
	Origin  string    `csv:"origin"`
	Flights int64     `csv:"flights"`
	Mean    float64   `csv:"mean_delay"`
	Max     int       `csv:"max_delay"`
}

// newJob reads flights from a file and writes hours to a sink.
func newJob(path string, out connector.Sink[Hour]) *afflux.Job {
	job := afflux.NewJob("flight-delays")
	afflux.From(job, "flights", file.Source[Flight](path)).
		// A flight that left late stands after flights that were due up to
		// 21 hours later.
		EventTime(func(f *Flight) time.Time { return f.Date }, afflux.OutOfOrder(21*time.Hour)).
		KeyBy("origin", func(f *Flight) string { return f.Origin }).
		Window(window.Tumbling(time.Hour)).
		Aggregate("hourly", afflux.Summarize(func(f *Flight) int { return f.Delay })).
		Map("row", func(r *window.Result[string, afflux.Summary[int]]) Hour {
			mean := math.Round(r.Value.Mean()*1e6) / 1e6
			return Hour{r.Start.Std(), r.Key, r.Value.Count, mean, r.Value.Max}
		}).
		To("hours", out)
	return job
}

func main() {
	out := file.Sink[Hour]("-", file.CSV(codec.TimeLayouts(time.DateTime)))
	afflux.Main(newJob("examples/data/flights-100k.csv.gz", out))
}
