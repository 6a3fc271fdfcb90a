package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q17, statistics of an auction: bids and prices of each auction and day in UTC.
// As in SQL, each bid changes the row of its auction and day; the last one is
// the answer.
func Q17(events *Events) *afflux.Stream[schema.AuctionStatistics] {
	type key struct {
		Auction int64
		Day     string
	}
	return bids(events).
		KeyBy("auction-and-day", func(b *schema.Bid) key { return key{b.Auction, day(eventTime(b.DateTime))} }).
		Aggregate("statistics", afflux.Aggregator[schema.Bid, prices, schema.AuctionStatistics]{
			Add:   (*prices).add,
			Merge: (*prices).merge,
			Result: func(p *prices) schema.AuctionStatistics {
				n := p.Bids.count()
				return schema.AuctionStatistics{Bids: n, Min: p.Min, Max: p.Max, Avg: p.Sum / n.Total, Sum: p.Sum}
			},
		}).
		Map("row", func(kv *afflux.KV[key, schema.AuctionStatistics]) schema.AuctionStatistics {
			kv.Value.Auction, kv.Value.Day = kv.Key.Auction, kv.Key.Day
			return kv.Value
		})
}

// prices are those of some bids. They are positive.
type prices struct {
	Bids          ranked
	Min, Max, Sum int64
}

func (p *prices) add(b *schema.Bid) {
	if p.Min == 0 {
		p.Min = b.Price
	}
	p.Bids.Bids[rank(b.Price)]++
	p.Min, p.Max, p.Sum = min(p.Min, b.Price), max(p.Max, b.Price), p.Sum+b.Price
}

func (p *prices) merge(from *prices) {
	if p.Min == 0 {
		p.Min = from.Min
	}
	if from.Min != 0 {
		p.Min = min(p.Min, from.Min)
	}
	p.Bids.merge(&from.Bids)
	p.Max, p.Sum = max(p.Max, from.Max), p.Sum+from.Sum
}
