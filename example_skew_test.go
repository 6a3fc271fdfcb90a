package afflux_test

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/window"
)

// One page has most of the visits. Four subtasks count parts of them.
func ExampleWindowed_Salted() {
	var visits []visit
	for i := range 1000 {
		page := "home"
		if i%10 == 0 {
			page = "help"
		}
		visits = append(visits, visit{page, clock(9, 0).Add(time.Duration(i) * time.Second)})
	}
	out := memory.Sink[window.Result[string, int64]]()

	job := afflux.NewJob("visits")
	afflux.From(job, "visits", memory.Source(visits), afflux.Parallelism(1)).
		EventTime(func(v *visit) time.Time { return v.At }, afflux.InOrder()).
		KeyBy("page", func(v *visit) string { return v.Page }).
		Window(window.Tumbling(time.Hour)).
		Salted(4).
		Aggregate("hourly", afflux.Count[visit]()).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Values() {
		fmt.Println(r.Start.Std().Format("15:04"), r.Key, r.Value)
	}
	// Unordered output:
	// 09:00 help 100
	// 09:00 home 900
}

// Fold visits ahead of the exchange always, not only where it pays. This is the
// way for an aggregator of one's own that does not say that it is commutative.
func ExamplePreAggregate() {
	visits := []visit{{"home", clock(9, 5)}, {"help", clock(9, 20)}, {"home", clock(9, 40)}}
	out := memory.Sink[window.Result[string, time.Time]]()
	latest := afflux.Aggregator[visit, time.Time, time.Time]{
		Add: func(last *time.Time, v *visit) {
			if v.At.After(*last) {
				*last = v.At
			}
		},
		Merge: func(into, from *time.Time) {
			if from.After(*into) {
				*into = *from
			}
		},
		Result: func(last *time.Time) time.Time { return *last },
	}

	job := afflux.NewJob("visits")
	afflux.From(job, "visits", memory.Source(visits), afflux.Parallelism(1)).
		EventTime(func(v *visit) time.Time { return v.At }, afflux.InOrder()).
		KeyBy("page", func(v *visit) string { return v.Page }).
		Window(window.Tumbling(time.Hour)).
		Aggregate("latest", latest, afflux.PreAggregate(true)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, r := range out.Values() {
		fmt.Println(r.Key, r.Value.Format("15:04"))
	}
	// Unordered output:
	// help 09:20
	// home 09:40
}
