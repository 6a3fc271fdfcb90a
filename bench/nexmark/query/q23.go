package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q23, bidders who sell: each bid with who made it, once for each auction of
// theirs: a join of three streams, by two of two. All of them are kept for
// ever.
func Q23(events *Events) *afflux.Stream[schema.BidderWhoSells] {
	type seller struct {
		Person  schema.Person
		Auction schema.Auction
	}
	sellers := persons(events).KeyBy("person", personID).
		Connect(auctions(events).KeyBy("seller", sellerOf)).
		Process("sellers", meet(func(p *schema.Person, a *schema.Auction) seller { return seller{*p, *a} }))
	return bids(events).KeyBy("bidder", bidderOf).
		Connect(sellers.KeyBy("selling-person", func(s *seller) int64 { return s.Person.ID })).
		Process("bidders-who-sell", meet(func(b *schema.Bid, s *seller) schema.BidderWhoSells {
			return schema.BidderWhoSells{Bid: *b, Person: s.Person, Auction: s.Auction}
		}))
}
