package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/window"
)

// Q11, user sessions: the bids of each session of a bidder, which ends when
// there was none for Settings.Window.
func Q11(events *Events, s Settings) *afflux.Stream[schema.BidderSession] {
	return bids(events).
		KeyBy("bidder", bidderOf).
		Window(window.Session(s.Window)).
		Aggregate("bids-of-session", afflux.Count[schema.Bid]()).
		Map("row", func(r *window.Result[int64, int64]) schema.BidderSession {
			return schema.BidderSession{Bidder: r.Key, Bids: r.Value, Start: milliseconds(r.Start), End: milliseconds(r.End)}
		})
}
