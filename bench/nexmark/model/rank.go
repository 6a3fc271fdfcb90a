package model

import (
	"slices"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q18 is the last bid of each bidder for each auction.
func Q18(in *Input) (rows []schema.Bid) {
	type key struct{ bidder, auction int64 }
	last := map[key]*schema.Bid{}
	for _, b := range in.bids() {
		k := key{b.Bidder, b.Auction}
		if last[k] == nil || schema.Later(b, last[k]) < 0 {
			last[k] = b
		}
	}
	for _, b := range last {
		rows = append(rows, *b)
	}
	return rows
}

// Q19 is the ten highest bids for each auction.
func Q19(in *Input) (rows []schema.RankedBid) {
	for _, bids := range in.bidsOf(auction) {
		slices.SortFunc(bids, schema.Higher)
		for i, b := range bids[:min(len(bids), 10)] {
			rows = append(rows, schema.RankedBid{Bid: *b, Rank: i + 1})
		}
	}
	return rows
}
