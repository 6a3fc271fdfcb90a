package query

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/window"
)

// Q7, highest bid: the bids with the highest price of each tumbling window of
// Settings.Window. It is written as in SQL: a join of all bids with the maxima.
// (There, a bid at the very end of a window counts for it as well.)
func Q7(events *Events, s Settings) *afflux.Stream[schema.Bid] {
	all := bids(events)
	price := func(b *schema.Bid) int64 { return b.Price }
	type highest = window.Result[int64, int64]
	maxima := all.
		KeyBy("all", everything).
		Window(window.Tumbling(s.Window)).
		Aggregate("highest", afflux.Max(price))
	return all.KeyBy("price", price).
		Join(maxima.KeyBy("highest-price", func(r *highest) int64 { return r.Value })).
		Between(0, s.Window-time.Nanosecond). // the time of a maximum is the last of its window
		Inner("highest-bids", func(b *schema.Bid, _ *highest) schema.Bid { return *b }).
		Stream
}
