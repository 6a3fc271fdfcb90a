package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q18, last bid: of each bidder for each auction. A row that comes replaces the
// one of its bidder and auction before; the last one is the answer. Of several
// at one time, which SQL leaves open, it is the highest: Keyed.Last would take
// the last to come.
func Q18(events *Events) *afflux.Stream[schema.Bid] {
	type pair struct{ Bidder, Auction int64 }
	return bids(events).
		KeyBy("bidder-and-auction", func(b *schema.Bid) pair { return pair{b.Bidder, b.Auction} }).
		Reduce("last", func(last, b *schema.Bid) {
			if schema.Later(b, last) < 0 {
				*last = *b
			}
		})
}
