package query

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// Q5, hot items: the auctions with the most bids in windows of Settings.Window,
// one every Settings.Slide; all of them if several have as many.
func Q5(events *Events, s Settings) *afflux.Stream[schema.HotItem] {
	// The counts of one window have one event time, which is in no other window
	// of this size: so these are the counts to compare.
	ends := max(s.Slide, time.Nanosecond)
	return bids(events).
		KeyBy("auction", auctionOf).
		Window(window.Sliding(s.Window, s.Slide)).
		Aggregate("bids-of-auction", afflux.Count[schema.Bid]()).
		KeyBy("window", func(r *window.Result[int64, int64]) event.Time { return r.Start }).
		Window(window.Tumbling(ends)).
		Aggregate("most-bids", afflux.Aggregator[window.Result[int64, int64], hottest, hottest]{
			Add: func(h *hottest, r *window.Result[int64, int64]) { h.add(r.Value, r.Key) },
			Merge: func(into, from *hottest) {
				into.add(from.Bids, from.Auctions...)
			},
			Result: func(h *hottest) hottest { return *h },
		}).
		FlatMap("hot-items", func(r *window.Result[event.Time, hottest], emit func(schema.HotItem)) error {
			for _, a := range r.Value.Auctions {
				emit(schema.HotItem{Auction: a, Bids: r.Value.Bids, Start: milliseconds(r.Key), End: milliseconds(r.Key.Add(s.Window))})
			}
			return nil
		})
}

// hottest are the auctions with the most bids.
type hottest struct {
	Bids     int64
	Auctions []int64
}

func (h *hottest) add(bids int64, auctions ...int64) {
	if bids > h.Bids {
		h.Bids, h.Auctions = bids, nil
	}
	if bids == h.Bids {
		h.Auctions = append(h.Auctions, auctions...)
	}
}
