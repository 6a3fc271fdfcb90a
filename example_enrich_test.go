package afflux_test

import (
	"context"
	"fmt"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/window"
)

// Which advertisements were clicked in the minute in which they were shown?
// Those that were not appear too.
func ExampleJoinedWindows_Left() {
	type impression struct {
		Ad string
		At time.Time
	}
	type click struct {
		Ad, User string
		At       time.Time
	}
	at := func(minute, second int) time.Time { return clock(9, minute).Add(time.Duration(second) * time.Second) }
	impressions := []impression{{"shoes", at(0, 5)}, {"books", at(0, 40)}, {"shoes", at(1, 10)}}
	clicks := []click{{"shoes", "ann", at(0, 12)}, {"shoes", "bob", at(0, 58)}, {"books", "eve", at(1, 2)}}
	out := memory.Sink[string]()

	job := afflux.NewJob("clicked")
	shown := afflux.From(job, "impressions", memory.Source(impressions), afflux.Parallelism(1)).
		EventTime(func(v *impression) time.Time { return v.At }, afflux.OutOfOrder(time.Minute)).
		KeyBy("ad", func(v *impression) string { return v.Ad })
	clicked := afflux.From(job, "clicks", memory.Source(clicks), afflux.Parallelism(1)).
		EventTime(func(v *click) time.Time { return v.At }, afflux.OutOfOrder(time.Minute)).
		KeyBy("clicked-ad", func(v *click) string { return v.Ad })
	shown.Join(clicked).
		Window(window.Tumbling(time.Minute)).
		Left("clicked", func(a *impression, b *click) string {
			if b == nil {
				return fmt.Sprint(a.At.Format("15:04 "), a.Ad, " by nobody")
			}
			return fmt.Sprint(a.At.Format("15:04 "), a.Ad, " by ", b.User)
		}).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range out.Values() {
		fmt.Println(line)
	}
	// Unordered output:
	// 09:00 shoes by ann
	// 09:00 shoes by bob
	// 09:00 books by nobody
	// 09:01 shoes by nobody
}

// Enrich orders with what a service knows of their customers. What it has said
// is kept for a while, also that it does not know a customer.
func ExampleStream_Lookup() {
	type order struct {
		ID, Customer string
	}
	type customer struct{ Name, City string }
	service := map[string]customer{"c1": {"Ann", "Ghent"}, "c2": {"Bob", "Porto"}}
	fetch := func(_ context.Context, id string) (customer, bool, error) {
		c, ok := service[id]
		return c, ok, nil
	}
	orders := []order{{"o1", "c1"}, {"o2", "c2"}, {"o3", "c1"}, {"o4", "c9"}}
	out := memory.Sink[string]()

	job := afflux.NewJob("enriched")
	afflux.From(job, "orders", memory.Source(orders), afflux.Parallelism(1)).
		Lookup("customer", func(o *order) string { return o.Customer }, fetch,
			func(o *order, c *customer) string {
				if c == nil {
					return o.ID + " for a customer that nobody knows"
				}
				return fmt.Sprintf("%s for %s in %s", o.ID, c.Name, c.City)
			},
			afflux.LookupCache(10_000, 10*time.Minute), afflux.Retry(3)).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range out.Values() {
		fmt.Println(line)
	}
	// Output:
	// o1 for Ann in Ghent
	// o2 for Bob in Porto
	// o3 for Ann in Ghent
	// o4 for a customer that nobody knows
}
