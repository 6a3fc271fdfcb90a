package main

import (
	"context"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/connector/kafka"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// Topics of the demo.
const (
	clicksTopic   = "clicks"
	enrichedTopic = "clicks-enriched"
	hotTopic      = "hot-items"
	deadTopic     = "dead-letters"
	demoParts     = 4
)

// click is an event as the shop's pages send it.
type click struct {
	ID   int64      `json:"id"`
	User int64      `json:"user"`
	Item int64      `json:"item"`
	At   event.Time `json:"at"`
}

// When is the event time.
func (c *click) When() event.Time { return c.At }

// enriched is a click with what the profile service knows.
type enriched struct {
	click
	Segment string     `json:"segment"`
	Done    event.Time `json:"done"` // when it was handed to the sink
}

// ItemID is the key of the count.
func (e *enriched) ItemID() int64 { return e.Item }

// hot is how often an item was clicked in a window.
type hot struct {
	Item  int64      `json:"item"`
	Start event.Time `json:"start"`
	End   event.Time `json:"end"`
	Count int64      `json:"count"`
}

// Items and users of the demo: a few items get most of the clicks.
const (
	demoItems = 1000
	demoUsers = 50_000
)

// clicksJob generates clicks into the log, at the rates of the profile.
func clicksJob(broker string, profile generator.Profile, length time.Duration) *afflux.Job {
	j := afflux.NewJob("clicks", afflux.Parallelism(1))
	fill := func(i int64, due event.Time, c *click) {
		h := event.HashUint64(uint64(i))
		skew := h >> 40 % demoItems
		*c = click{ID: i, User: int64(h % demoUsers), Item: int64(skew * skew / demoItems), At: due}
	}
	afflux.From(j, "shop", generator.Timed(fill, generator.Rate(profile), generator.For(length))).
		To("log", kafka.Sink[click](clicksTopic, kafka.Brokers(broker), kafka.Linger(5*time.Millisecond)))
	return j
}

// hotItemsJob is the pipeline that the demo is about.
func hotItemsJob(broker string, profiles *profileClient) *afflux.Job {
	j := afflux.NewJob("hot-items", afflux.Parallelism(2))
	j.DeadLetters("dead-letters", kafka.Sink[event.DeadLetter](deadTopic, kafka.Brokers(broker)))
	clicks := afflux.From(j, "clicks", kafka.Source[click](clicksTopic, kafka.Brokers(broker)),
		afflux.OnError(afflux.DeadLetter)).
		EventTime((*click).When, afflux.OutOfOrder(4*time.Second).IdleAfter(5*time.Second)).
		MapBulk("enrich", 50, profiles.lookup,
			afflux.InFlight(16), afflux.Timeout(5*time.Second), afflux.Retry(3), afflux.OnError(afflux.DeadLetter))
	clicks.
		Update("stamp", func(e *enriched) { e.Done = event.At(time.Now()) }).
		To("enriched", kafka.Sink[enriched](enrichedTopic, kafka.Brokers(broker)))
	clicks.
		KeyBy("item", (*enriched).ItemID).
		Window(window.Sliding(10*time.Second, 2*time.Second)).
		Aggregate("count", afflux.Count[enriched]()).
		Map("hot", func(r *window.Result[int64, int64]) hot {
			return hot{Item: r.Key, Start: r.Start, End: r.End, Count: r.Value}
		}).
		To("hot-items", kafka.Sink[hot](hotTopic, kafka.Brokers(broker)))
	return j
}

// lookup asks the profile service about some clicks at once.
func (p *profileClient) lookup(ctx context.Context, clicks []click) ([]enriched, error) {
	users := make([]int64, len(clicks))
	for i := range clicks {
		users[i] = clicks[i].User
	}
	segments, err := p.segments(ctx, users)
	if err != nil {
		return nil, err
	}
	out := make([]enriched, len(clicks))
	for i := range clicks {
		out[i] = enriched{click: clicks[i], Segment: segments[i]}
	}
	return out, nil
}
