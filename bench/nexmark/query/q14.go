package query

import (
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q14, calculation: the bids worth more than 1 and less than 50 million euro
// cents, with the time of the day in UTC and the number of letters c in Extra,
// for which the SQL has a function of the user.
func Q14(events *Events) *afflux.Stream[schema.TimedBid] {
	return bids(events).FlatMap("timed", func(b *schema.Bid, emit func(schema.TimedBid)) error {
		milli := 908 * b.Price
		if milli > 1_000_000_000 && milli < 50_000_000_000 {
			emit(schema.TimedBid{Auction: b.Auction, Bidder: b.Bidder, MilliPrice: milli, TimeType: timeType(b.DateTime),
				DateTime: b.DateTime, Extra: b.Extra, Cs: int64(strings.Count(b.Extra, "c"))})
		}
		return nil
	})
}

func timeType(ms int64) string {
	h := time.UnixMilli(ms).UTC().Hour()
	switch {
	case h >= 8 && h <= 18:
		return "dayTime"
	case h <= 6 || h >= 20:
		return "nightTime"
	}
	return "otherTime"
}
