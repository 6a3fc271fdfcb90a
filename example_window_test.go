package afflux_test

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/window"
)

type visit struct {
	Page string
	At   time.Time
}

func clock(hour, minute int) time.Time { return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC) }

// Count the records of each key in windows of an hour.
func ExampleWindowed_Aggregate() {
	visits := []visit{
		{"home", clock(9, 5)}, {"help", clock(9, 20)}, {"home", clock(10, 1)},
		{"home", clock(9, 59)}, // two minutes late, which is within bounds
		{"home", clock(11, 30)},
	}
	out := memory.Sink[window.Result[string, int64]]()

	job := afflux.NewJob("visits")
	afflux.From(job, "visits", memory.Source(visits), afflux.Parallelism(1)).
		EventTime(func(v *visit) time.Time { return v.At }, afflux.OutOfOrder(5*time.Minute)).
		KeyBy("page", func(v *visit) string { return v.Page }).
		Window(window.Tumbling(time.Hour)).
		Aggregate("hourly", afflux.Count[visit]()).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Values() {
		fmt.Println(r.Start.Std().Format("15:04"), r.Key, r.Value)
	}
	// Unordered output:
	// 09:00 help 1
	// 09:00 home 2
	// 10:00 home 1
	// 11:00 home 1
}

// Keep the records that came after their window had fired.
func ExampleResults_Late() {
	visits := []visit{{"home", clock(9, 5)}}
	for range 1000 { // windows before noon are complete with the batch of these
		visits = append(visits, visit{"home", clock(12, 0)})
	}
	visits = append(visits, visit{"home", clock(9, 40)})
	counts, late := memory.Sink[window.Result[string, int64]](), memory.Sink[visit]()

	job := afflux.NewJob("visits")
	hourly := afflux.From(job, "visits", memory.Source(visits), afflux.Parallelism(1)).
		EventTime(func(v *visit) time.Time { return v.At }, afflux.InOrder()).
		KeyBy("page", func(v *visit) string { return v.Page }).
		Window(window.Tumbling(time.Hour)).
		Aggregate("hourly", afflux.Count[visit]())
	hourly.To("counts", counts)
	hourly.Late().To("late", late)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, r := range counts.Values() {
		fmt.Println("window", r.Start.Std().Format("15:04"), r.Value)
	}
	for _, v := range late.Values() {
		fmt.Println("late", v.At.Format("15:04"))
	}
	// Output:
	// window 09:00 1
	// window 12:00 1000
	// late 09:40
}
