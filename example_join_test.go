package afflux_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// at is a time of the day of the examples.
func at(clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0)
}

type (
	purchase struct {
		Order string
		At    time.Time
	}
	parcel struct {
		Order, Carrier string
		At             time.Time
	}
)

// Which orders were shipped within an hour, and by whom?
func ExampleJoined_Between() {
	out := memory.Sink[string]()

	job := afflux.NewJob("shipped", afflux.Parallelism(1))
	orders := afflux.From(job, "orders", memory.Source([]purchase{
		{"A-1", at("10:00")}, {"A-2", at("10:05")}, {"A-3", at("10:10")},
	})).EventTime(func(o *purchase) time.Time { return o.At }, afflux.OutOfOrder(5*time.Minute))
	parcels := afflux.From(job, "parcels", memory.Source([]parcel{
		{"A-2", "Hermes", at("10:40")}, {"A-1", "Iris", at("10:59")}, {"A-3", "Iris", at("11:30")},
	})).EventTime(func(p *parcel) time.Time { return p.At }, afflux.OutOfOrder(5*time.Minute))

	orders.KeyBy("order", func(o *purchase) string { return o.Order }).
		Join(parcels.KeyBy("order", func(p *parcel) string { return p.Order })).
		Between(0, time.Hour).
		Left("shipped", func(o *purchase, p *parcel) string {
			if p == nil {
				return o.Order + " is overdue"
			}
			return fmt.Sprintf("%s left with %s after %v", o.Order, p.Carrier, p.At.Sub(o.At))
		}).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range slices.Sorted(slices.Values(out.Values())) {
		fmt.Println(line)
	}
	// Output:
	// A-1 left with Iris after 59m0s
	// A-2 left with Hermes after 35m0s
	// A-3 is overdue
}

type (
	trade struct {
		ID, Currency string
		Amount       float64
		At           time.Time
	}
	quote struct {
		Currency string
		Euros    float64
		At       time.Time
	}
)

// What were trades worth in euros when they were made? Trade 2 comes before
// the rate that was valid then.
func ExampleJoined_AsOf() {
	out := memory.Sink[string]()

	job := afflux.NewJob("worth", afflux.Parallelism(1))
	trades := afflux.From(job, "trades", memory.Source([]trade{
		{"1", "USD", 100, at("10:05")}, {"2", "USD", 100, at("10:15")}, {"3", "GBP", 10, at("10:20")},
	})).EventTime(func(t *trade) time.Time { return t.At }, afflux.InOrder())
	rates := afflux.From(job, "rates", memory.Source([]quote{
		{"USD", 0.90, at("10:00")}, {"GBP", 1.20, at("10:00")}, {"USD", 0.95, at("10:10")}, {"USD", 0.99, at("10:30")},
	})).EventTime(func(q *quote) time.Time { return q.At }, afflux.InOrder())

	trades.KeyBy("currency", func(t *trade) string { return t.Currency }).
		Join(rates.KeyBy("currency", func(q *quote) string { return q.Currency })).
		AsOf().
		Inner("worth", func(t *trade, q *quote) string {
			return fmt.Sprintf("trade %s: %.2f EUR", t.ID, t.Amount*q.Euros)
		}).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range slices.Sorted(slices.Values(out.Values())) {
		fmt.Println(line)
	}
	// Output:
	// trade 1: 90.00 EUR
	// trade 2: 95.00 EUR
	// trade 3: 12.00 EUR
}

type (
	charge struct {
		Card, Country string
		Amount        float64
		At            time.Time
	}
	ceiling struct {
		Country string
		Amount  float64
		At      time.Time
	}
)

// spending adds up what a card is charged in a country, and compares it at the
// end of the day with the limit that the country has then.
type spending struct {
	limits *state.BroadcastMap[string, float64]
	spent  *state.Map[string, float64]
}

func (p *spending) Open(ctx *afflux.OpenContext) error {
	p.limits = ctx.BroadcastMap[string, float64]("limits")
	p.spent = ctx.Map[string, float64]("spent")
	return nil
}

func (p *spending) ProcessBroadcast(ctx *afflux.BroadcastContext[string], c *ceiling) error {
	p.limits.Set(c.Country, c.Amount)
	return nil
}

func (p *spending) Process(ctx *afflux.ProcessContext[string, string], c *charge) error {
	*p.spent.Upsert(c.Country) += c.Amount
	day := c.At.Truncate(24 * time.Hour)
	ctx.SetTimer(afflux.EventTimer, event.At(day.AddDate(0, 0, 1)))
	return nil
}

func (p *spending) OnTimer(ctx *afflux.ProcessContext[string, string], _ event.Time, _ afflux.TimerKind) error {
	for country, sum := range p.spent.All() {
		if most, ok := p.limits.Get(country); ok && sum > most {
			ctx.Emit(fmt.Sprintf("%s: %.0f of %.0f in %s", ctx.Key(), sum, most, country))
		}
	}
	p.spent.Clear()
	return nil
}

// Check charges against limits that every subtask has to know, and that change.
func ExampleKeyed_ConnectBroadcast() {
	out := memory.Sink[string]()

	job := afflux.NewJob("limits", afflux.Parallelism(2))
	charges := afflux.From(job, "charges", memory.Source([]charge{
		{"card 1", "NO", 600, at("10:00")}, {"card 2", "SE", 400, at("11:00")},
		{"card 1", "NO", 700, at("12:00")}, {"card 2", "SE", 50, at("13:00")},
	})).EventTime(func(c *charge) time.Time { return c.At }, afflux.InOrder())
	limits := afflux.From(job, "limits", memory.Source([]ceiling{
		{"NO", 2000, at("00:00")}, {"SE", 500, at("00:00")}, {"NO", 1000, at("09:00")},
	}), afflux.Parallelism(1)).EventTime(func(c *ceiling) time.Time { return c.At }, afflux.InOrder())

	charges.KeyBy("card", func(c *charge) string { return c.Card }).
		ConnectBroadcast(limits).
		Process("spending", func() *spending { return &spending{} }).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	// Output:
	// [card 1: 1300 of 1000 in NO]
}
