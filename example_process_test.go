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

type login struct {
	User string
	At   time.Time
	OK   bool
}

func (l *login) When() time.Time { return l.At }
func (l *login) By() string      { return l.User }

func minute(m int) time.Time { return time.Date(2026, 3, 1, 9, m, 0, 0, time.UTC) }

var logins = []login{
	{"ann", minute(0), false}, {"bob", minute(2), true}, {"ann", minute(1), false},
	{"ann", minute(3), false}, {"bob", minute(9), true}, {"ann", minute(30), true},
}

// watchman raises an alarm at the third failed login in a row, and counts an
// hour later how many logins there were until then.
type watchman struct {
	failed *state.Value[int]
	seen   *state.Value[int]
}

func (g *watchman) Open(ctx *afflux.OpenContext) error {
	g.failed = ctx.Value[int]("failed", state.TTL(24*time.Hour))
	g.seen = ctx.Value[int]("seen")
	return nil
}

func (g *watchman) Process(ctx *afflux.ProcessContext[string, string], l *login) error {
	*g.seen.Upsert()++
	if l.OK {
		g.failed.Clear()
		return nil
	}
	n := g.failed.Upsert()
	if *n++; *n == 3 {
		ctx.Emit("alarm: " + ctx.Key())
		ctx.SetTimer(afflux.EventTimer, ctx.EventTime().Add(time.Hour))
	}
	return nil
}

func (g *watchman) OnTimer(ctx *afflux.ProcessContext[string, string], at event.Time, _ afflux.TimerKind) error {
	n, _ := g.seen.Get()
	ctx.Emit(fmt.Sprintf("%s: %d logins by %s", ctx.Key(), n, at.Std().Format("15:04")))
	return nil
}

// Write an operator of your own, with states and timers.
func ExampleKeyed_Process() {
	out := memory.Sink[string]()

	job := afflux.NewJob("guard", afflux.Parallelism(1))
	afflux.From(job, "logins", memory.Source(logins)).
		EventTime((*login).When, afflux.OutOfOrder(5*time.Minute)).
		KeyBy("user", (*login).By).
		Process("guard", func() *watchman { return &watchman{} }).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range out.Values() {
		fmt.Println(line)
	}
	// Output:
	// alarm: ann
	// ann: 4 logins by 10:03
}

// Find a failed login that a good one follows within the hour.
func ExampleKeyed_FollowedBy() {
	out := memory.Sink[string]()

	job := afflux.NewJob("recovered", afflux.Parallelism(1))
	afflux.From(job, "logins", memory.Source(logins)).
		EventTime((*login).When, afflux.OutOfOrder(5*time.Minute)).
		KeyBy("user", (*login).By).
		FollowedBy("recovered", func(l *login) bool { return !l.OK }, func(l *login) bool { return l.OK }, 28*time.Minute,
			func(a, b *login) string { return fmt.Sprint(a.User, " recovered after ", b.At.Sub(a.At)) }).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, line := range out.Values() {
		fmt.Println(line)
	}
	// Output:
	// ann recovered after 27m0s
}

// Find who has not come back: no second login within a quarter of an hour.
func ExampleKeyed_NotFollowedBy() {
	out := memory.Sink[login]()
	any := func(*login) bool { return true }

	job := afflux.NewJob("gone", afflux.Parallelism(1))
	afflux.From(job, "logins", memory.Source(logins)).
		EventTime((*login).When, afflux.OutOfOrder(5*time.Minute)).
		KeyBy("user", (*login).By).
		NotFollowedBy("gone", any, any, 15*time.Minute).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, l := range out.Values() {
		fmt.Println(l.User, l.At.Format("15:04"))
	}
	// Output:
	// ann 09:03
	// bob 09:09
	// ann 09:30
}

// Drop what comes twice.
func ExampleKeyed_Deduplicate() {
	out := memory.Sink[string]()

	job := afflux.NewJob("once", afflux.Parallelism(1))
	afflux.From(job, "ids", memory.Source([]string{"x", "y", "x", "z", "y"})).
		KeyBy("id", func(s *string) string { return *s }).
		Deduplicate("once", 10*time.Minute).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.Values())
	// Output:
	// [x y z]
}

// Take the first login of each user, in event time.
func ExampleKeyed_First() {
	out := memory.Sink[login]()

	job := afflux.NewJob("first", afflux.Parallelism(1))
	afflux.From(job, "logins", memory.Source(logins)).
		EventTime((*login).When, afflux.OutOfOrder(5*time.Minute)).
		KeyBy("user", (*login).By).
		First("first").
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, l := range out.Values() {
		fmt.Println(l.User, l.At.Format("15:04"))
	}
	// Output:
	// ann 09:00
	// bob 09:02
}

// Rank the payments of each user.
func ExampleTop() {
	out := memory.Sink[afflux.KV[string, []payment]]()

	job := afflux.NewJob("largest", afflux.Parallelism(1))
	afflux.From(job, "payments", memory.Source(payments)).
		KeyBy("user", func(p *payment) string { return p.User }).
		Aggregate("top", afflux.Top(2, func(p *payment) int { return p.Amount })).
		To("out", out)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	ranks := map[string][]payment{}
	for _, kv := range out.Values() { // a new ranking with each payment
		ranks[kv.Key] = kv.Value
	}
	fmt.Println(ranks)
	// Output:
	// map[ann:[{ann 10} {ann 5}] bob:[{bob 7} {bob 3}]]
}

// Send some records elsewhere.
func ExampleStream_Side() {
	refused := afflux.SideOutput[string]("refused")
	out, side := memory.Sink[int](), memory.Sink[string]()

	job := afflux.NewJob("sides", afflux.Parallelism(1))
	large := afflux.From(job, "payments", memory.Source(payments)).
		KeyBy("user", func(p *payment) string { return p.User }).
		Process("large", func() *divider { return &divider{refused} })
	large.To("large out", out)
	large.Side(refused).To("refused out", side)
	if err := job.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	names := side.Values()
	slices.Sort(names)
	fmt.Println(out.Values(), names)
	// Output:
	// [10 7 5] [ann paid 1 bob paid 3]
}

// divider passes on amounts of 5 and more.
type divider struct{ refused afflux.SideTag[string] }

func (d *divider) Open(*afflux.OpenContext) error { return nil }

func (d *divider) Process(ctx *afflux.ProcessContext[string, int], p *payment) error {
	if p.Amount >= 5 {
		ctx.Emit(p.Amount)
		return nil
	}
	ctx.EmitSide(d.refused, fmt.Sprint(p.User, " paid ", p.Amount))
	return nil
}
