package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q10, log to files: every bid, with the day and the minute in UTC that name
// its file. LogFiles writes them. (Beam's logs all events, every ten seconds.)
func Q10(events *Events) *afflux.Stream[schema.LoggedBid] {
	return bids(events).Map("minute", func(b *schema.Bid) schema.LoggedBid {
		at := eventTime(b.DateTime)
		return schema.LoggedBid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, DateTime: b.DateTime, Extra: b.Extra,
			Day: day(at), Minute: minute(at)}
	})
}
