package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q20, expanded bids: each bid for an auction of category 10, with the auction.
// Whichever of the two comes first waits for the other, for ever.
func Q20(events *Events) *afflux.Stream[schema.BidAndAuction] {
	return bids(events).KeyBy("bid-auction", auctionOf).
		Connect(auctions(events).Filter("category-10", isCategory10).KeyBy("auction", auctionID)).
		Process("expand", meet(func(b *schema.Bid, a *schema.Auction) schema.BidAndAuction {
			return schema.BidAndAuction{Bid: *b, Auction: *a}
		}))
}
