package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q2, selection: the bids for every 123rd auction.
func Q2(events *Events) *afflux.Stream[schema.AuctionPrice] {
	return bids(events).
		Filter("some-auctions", func(b *schema.Bid) bool { return b.Auction%123 == 0 }).
		Map("price", func(b *schema.Bid) schema.AuctionPrice {
			return schema.AuctionPrice{Auction: b.Auction, Price: b.Price}
		})
}
