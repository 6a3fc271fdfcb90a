package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q16, statistics of a channel: those of q15 for each channel and day in UTC,
// and the minute of the last bid. As in SQL, each bid changes the row of its
// channel and day; the last one is the answer.
func Q16(events *Events) *afflux.Stream[schema.ChannelStatistics] {
	type key struct{ Channel, Day string }
	return bids(events).
		KeyBy("channel-and-day", func(b *schema.Bid) key { return key{b.Channel, day(eventTime(b.DateTime))} }).
		Aggregate("statistics", afflux.Aggregator[schema.Bid, activity, schema.ChannelStatistics]{
			Add:   (*activity).add,
			Merge: (*activity).merge,
			Result: func(a *activity) schema.ChannelStatistics {
				return schema.ChannelStatistics{Minute: minute(eventTime(a.Last)), Bids: a.Bids.count(), Bidders: a.Bidders.Count, Auctions: a.Auctions.Count}
			},
		}).
		Map("row", func(kv *afflux.KV[key, schema.ChannelStatistics]) schema.ChannelStatistics {
			kv.Value.Channel, kv.Value.Day = kv.Key.Channel, kv.Key.Day
			return kv.Value
		})
}
