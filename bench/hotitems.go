package bench

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/generator"
	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	events "github.com/affluxdev/afflux/bench/nexmark/source"
)

// hotItems is Nexmark's q5 of the first n events, at 500,000 events in a second
// of event time, with bids for any of a million auctions in flight. There are so
// many after 17 million events. The two sources stay within a second of event time;
// without that they drift apart by ten and more, and there are twice as many panes.
func hotItems(n int, options ...afflux.JobOption) (*afflux.Job, func() uint64) {
	return q5(n, []afflux.Option{afflux.Align("events", time.Second)}, options)
}

// driftingHotItems is hotItems of sources that nothing holds together.
func driftingHotItems(n int, options ...afflux.JobOption) (*afflux.Job, func() uint64) {
	return q5(n, nil, options)
}

func q5(n int, source []afflux.Option, options []afflux.JobOption) (*afflux.Job, func() uint64) {
	c := generator.Flink()
	c.Events = int64(n)
	c.FirstRate, c.NextRate = 500_000, 500_000
	c.InFlight, c.HotAuctionRatio = hotKeys, 1
	c.Channels = false
	j := afflux.NewJob("q5", append(options, afflux.Parallelism(parallel))...)
	out := &sink[schema.HotItem]{fold: sumHotItems}
	query.Q5(afflux.From(j, "events", events.Events(c), source...).Watermarks(afflux.InOrder()), schema.SQL()).
		To("sum", out)
	return j, out.sum.Load
}

func sumHotItems(values []schema.HotItem) (s uint64) {
	for i := range values {
		s += uint64(values[i].Auction)*31 + uint64(values[i].Bids)*7 + uint64(values[i].End)
	}
	return s
}
