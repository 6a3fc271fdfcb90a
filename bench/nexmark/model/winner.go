package model

import (
	"cmp"
	"slices"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q9 is the bid that wins each auction that has one.
func Q9(in *Input) (rows []schema.WinningBid) {
	bids := in.bidsOf(func(b *schema.Bid) int64 { return b.Auction })
	for _, a := range in.auctions() {
		var best *schema.Bid
		for _, b := range bids[a.ID] {
			if in.Settings.Valid(a, b) && (best == nil || schema.Higher(b, best) < 0) {
				best = b
			}
		}
		if best != nil {
			rows = append(rows, schema.WinningBid{Auction: *a, Bid: *best})
		}
	}
	return rows
}

// Q4 is the average winning price of each category.
func Q4(in *Input) (rows []schema.CategoryPrice) {
	sum, n := map[int64]int64{}, map[int64]int64{}
	for _, w := range Q9(in) {
		sum[w.Auction.Category] += w.Bid.Price
		n[w.Auction.Category]++
	}
	for c := range n {
		rows = append(rows, schema.CategoryPrice{Category: c, Price: sum[c] / n[c]})
	}
	return rows
}

// Q6 is, for each auction that is sold, the average price of the last ten of
// its seller, in the order of their expiry and, of equal ones, of their ids.
func Q6(in *Input) (rows []schema.SellerPrice) {
	sold := Q9(in)
	slices.SortFunc(sold, func(a, b schema.WinningBid) int {
		return cmp.Or(cmp.Compare(a.Auction.Expires, b.Auction.Expires), cmp.Compare(a.Auction.ID, b.Auction.ID))
	})
	prices := map[int64][]int64{}
	for _, w := range sold {
		s := w.Auction.Seller
		prices[s] = append(prices[s], w.Bid.Price)
		last := prices[s][max(len(prices[s])-10, 0):]
		sum := int64(0)
		for _, p := range last {
			sum += p
		}
		rows = append(rows, schema.SellerPrice{Seller: s, Auction: w.Auction.ID, Price: sum / int64(len(last))})
	}
	return rows
}
