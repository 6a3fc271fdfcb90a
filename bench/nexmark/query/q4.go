package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q4, average price for a category: of the winning bids of all auctions so far.
// Each auction that expires changes the row of its category; the last one is
// the answer. (Beam's has averages of sliding windows.)
func Q4(events *Events, s Settings) *afflux.Stream[schema.CategoryPrice] {
	return winners(events, s).
		KeyBy("category", func(w *schema.WinningBid) int64 { return w.Auction.Category }).
		Aggregate("average", afflux.Aggregator[schema.WinningBid, mean, int64]{
			Add:    func(m *mean, w *schema.WinningBid) { m.Sum += w.Bid.Price; m.Count++ },
			Merge:  func(into, from *mean) { into.Sum += from.Sum; into.Count += from.Count },
			Result: func(m *mean) int64 { return m.Sum / m.Count },
		}).
		Map("row", func(kv *afflux.KV[int64, int64]) schema.CategoryPrice {
			return schema.CategoryPrice{Category: kv.Key, Price: kv.Value}
		})
}

// mean is that of integers, rounded down.
type mean struct{ Sum, Count int64 }
