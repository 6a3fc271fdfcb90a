package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q1, currency conversion: the price of each bid in euro.
func Q1(events *Events) *afflux.Stream[schema.BidInEuro] {
	return bids(events).Map("to-euro", func(b *schema.Bid) schema.BidInEuro {
		return schema.BidInEuro{Auction: b.Auction, Bidder: b.Bidder, MilliPrice: 908 * b.Price, DateTime: b.DateTime, Extra: b.Extra}
	})
}
