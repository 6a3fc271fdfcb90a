package model

import (
	"slices"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q5 is the auctions with the most bids of each window, all of them if several
// have as many.
func Q5(in *Input) (rows []schema.HotItem) {
	bids := in.bids()
	if len(bids) == 0 {
		return nil
	}
	size, slide := in.Settings.Window.Milliseconds(), in.Settings.Slide.Milliseconds()
	first, last := bids[0].DateTime, bids[0].DateTime
	for _, b := range bids {
		first, last = min(first, b.DateTime), max(last, b.DateTime)
	}
	for from := (first-size)/slide*slide - slide; from <= last; from += slide {
		counts, most := map[int64]int64{}, int64(0)
		for _, b := range bids {
			if from <= b.DateTime && b.DateTime < from+size {
				counts[b.Auction]++
				most = max(most, counts[b.Auction])
			}
		}
		for a, n := range counts {
			if n == most {
				rows = append(rows, schema.HotItem{Auction: a, Bids: n, Start: from, End: from + size})
			}
		}
	}
	return rows
}

// Q7 is the bids with the highest price of each window.
func Q7(in *Input) (rows []schema.Bid) {
	highest := map[int64]int64{}
	for _, b := range in.bids() {
		w := start(b.DateTime, in.Settings.Window)
		highest[w] = max(highest[w], b.Price)
	}
	for _, b := range in.bids() {
		if b.Price == highest[start(b.DateTime, in.Settings.Window)] {
			rows = append(rows, *b)
		}
	}
	return rows
}

// Q11 is the sessions of each bidder: a bid at least a gap after the one before
// begins another.
func Q11(in *Input) (rows []schema.BidderSession) {
	gap := in.Settings.Window.Milliseconds()
	for bidder, bids := range in.bidsOf(func(b *schema.Bid) int64 { return b.Bidder }) {
		var times []int64
		for _, b := range bids {
			times = append(times, b.DateTime)
		}
		slices.Sort(times)
		from := 0
		for i := range times {
			if i+1 == len(times) || times[i+1]-times[i] >= gap {
				rows = append(rows, schema.BidderSession{Bidder: bidder, Bids: int64(i + 1 - from), Start: times[from], End: times[i] + gap})
				from = i + 1
			}
		}
	}
	return rows
}

// Q12 is the bids of each bidder. How they fall into windows of processing time
// depends on the clock, but not how many they are.
func Q12(in *Input) (rows []schema.BidderBids) {
	for bidder, bids := range in.bidsOf(func(b *schema.Bid) int64 { return b.Bidder }) {
		rows = append(rows, schema.BidderBids{Bidder: bidder, Bids: int64(len(bids))})
	}
	return rows
}
