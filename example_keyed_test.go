package afflux_test

import (
	"context"
	"fmt"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
)

type payment struct {
	User   string
	Amount int
}

var payments = []payment{{"ann", 10}, {"bob", 7}, {"ann", 5}, {"ann", 1}, {"bob", 3}}

// Keep a running total for each user.
func ExampleKeyed_Aggregate() {
	out := memory.Sink[afflux.KV[string, int]]()

	job := afflux.NewJob("totals", afflux.Parallelism(1))
	afflux.From(job, "payments", memory.Source(payments)).
		KeyBy("user", func(p *payment) string { return p.User }).
		Aggregate("total", afflux.Sum(func(p *payment) int { return p.Amount })).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, t := range out.Values() {
		fmt.Println(t.Key, t.Value)
	}
	// Output:
	// ann 10
	// bob 7
	// ann 15
	// ann 16
	// bob 10
}

// Keep the largest payment of each user, with all of its fields.
func ExampleKeyed_Reduce() {
	out := memory.Sink[payment]()

	job := afflux.NewJob("largest", afflux.Parallelism(1))
	afflux.From(job, "payments", memory.Source([]payment{{"ann", 10}, {"ann", 5}, {"ann", 12}})).
		KeyBy("user", func(p *payment) string { return p.User }).
		Reduce("largest", func(best, p *payment) {
			if p.Amount > best.Amount {
				*best = *p
			}
		}).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	// Output:
	// [{ann 10} {ann 10} {ann 12}]
}
