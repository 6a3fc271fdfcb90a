package query

import (
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/event"
)

// rank is that of a price, from 0 to 2.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 0
	case price < 1_000_000:
		return 1
	}
	return 2
}

// different counts different numbers, by rank.
type different struct {
	Count schema.Ranks
	Ranks map[int64]uint8 // the ranks with which a number was seen, a bit each
}

func (d *different) add(number int64, ranks uint8) {
	if d.Ranks == nil {
		d.Ranks = map[int64]uint8{}
	}
	seen := d.Ranks[number]
	if seen == 0 {
		d.Count.Total++
	}
	fresh := int64(ranks &^ seen)
	d.Count.Rank1 += fresh & 1
	d.Count.Rank2 += fresh >> 1 & 1
	d.Count.Rank3 += fresh >> 2 & 1
	d.Ranks[number] = seen | ranks
}

func (d *different) merge(from *different) {
	for number, ranks := range from.Ranks {
		d.add(number, ranks)
	}
}

// ranked counts bids by rank.
type ranked struct{ Bids [3]int64 }

func (r *ranked) merge(from *ranked) {
	for i, n := range from.Bids {
		r.Bids[i] += n
	}
}

func (r *ranked) count() schema.Ranks {
	return schema.Ranks{Total: r.Bids[0] + r.Bids[1] + r.Bids[2], Rank1: r.Bids[0], Rank2: r.Bids[1], Rank3: r.Bids[2]}
}

// activity is what q15 and q16 say of bids.
type activity struct {
	Bids     ranked
	Bidders  different
	Auctions different
	Last     int64 // the time of the last bid
}

func (a *activity) add(b *schema.Bid) {
	r := rank(b.Price)
	a.Bids.Bids[r]++
	a.Bidders.add(b.Bidder, 1<<r)
	a.Auctions.add(b.Auction, 1<<r)
	a.Last = max(a.Last, b.DateTime)
}

func (a *activity) merge(from *activity) {
	a.Bids.merge(&from.Bids)
	a.Bidders.merge(&from.Bidders)
	a.Auctions.merge(&from.Auctions)
	a.Last = max(a.Last, from.Last)
}

// day is the date of a window, and minute the time of day, both in UTC.
func day(t event.Time) string { return t.Std().Format(time.DateOnly) }

func minute(t event.Time) string { return t.Std().Format("15:04") }
