package query

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/window"
)

// Q15, statistics of a day: bids, different bidders and different auctions, of
// all prices and of three ranks, in windows of days in UTC. In SQL the row of a
// day changes with each bid; here it comes once, when the day is over.
func Q15(events *Events) *afflux.Stream[schema.DayStatistics] {
	return bids(events).
		KeyBy("all", everything).
		Window(window.Days(time.UTC)).
		Salted(4). // all bids have one key
		Aggregate("statistics", afflux.Aggregator[schema.Bid, activity, schema.DayStatistics]{
			Add:         (*activity).add,
			Merge:       (*activity).merge,
			Commutative: true,
			Result: func(a *activity) schema.DayStatistics {
				return schema.DayStatistics{Bids: a.Bids.count(), Bidders: a.Bidders.Count, Auctions: a.Auctions.Count}
			},
		}).
		Map("row", func(r *window.Result[int64, schema.DayStatistics]) schema.DayStatistics {
			r.Value.Day = day(r.Start)
			return r.Value
		})
}
