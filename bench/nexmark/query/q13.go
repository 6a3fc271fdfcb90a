package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q13, bounded side input: each bid with the row of a table, if there is one.
// The rows of sides have an event time before all bids, and the stream ends: so
// every bid waits until the table is complete.
func Q13(events *Events, sides *afflux.Stream[schema.Side]) *afflux.Stream[schema.BidWithSide] {
	return bids(events).
		KeyBy("auction", func(b *schema.Bid) int64 { return b.Auction % 10_000 }).
		Join(sides.KeyBy("side", func(s *schema.Side) int64 { return s.Key })).
		AsOf().
		Inner("with-side", func(b *schema.Bid, s *schema.Side) schema.BidWithSide {
			return schema.BidWithSide{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, DateTime: b.DateTime, Value: s.Value}
		}).
		Stream
}
