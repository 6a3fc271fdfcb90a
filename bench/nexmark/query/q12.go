package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/window"
)

// Q12, processing time windows: how many bids of each bidder came in
// Settings.Window of processing time, again and again. How many rows a bidder
// has depends on the clock; they add up to all bids.
func Q12(events *Events, s Settings) *afflux.Stream[schema.BidderBids] {
	return bids(events).
		KeyBy("bidder", bidderOf).
		Window(window.Global(), afflux.Early(s.Window), afflux.Discard()).
		Aggregate("bids-of-window", afflux.Count[schema.Bid]()).
		Map("row", func(r *window.Result[int64, int64]) schema.BidderBids {
			return schema.BidderBids{Bidder: r.Key, Bids: r.Value}
		})
}
