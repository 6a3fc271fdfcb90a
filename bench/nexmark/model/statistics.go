package model

import "github.com/affluxdev/afflux/bench/nexmark/schema"

// ranks counts some bids, and ranked the different numbers of some bids.
func ranks(bids []*schema.Bid) (r schema.Ranks) {
	for _, b := range bids {
		r.Total++
		switch {
		case b.Price < 10_000:
			r.Rank1++
		case b.Price < 1_000_000:
			r.Rank2++
		default:
			r.Rank3++
		}
	}
	return r
}

func ranked(bids []*schema.Bid, number func(*schema.Bid) int64) schema.Ranks {
	var all, low, middle, high = map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	for _, b := range bids {
		all[number(b)] = true
		switch {
		case b.Price < 10_000:
			low[number(b)] = true
		case b.Price < 1_000_000:
			middle[number(b)] = true
		default:
			high[number(b)] = true
		}
	}
	return schema.Ranks{Total: int64(len(all)), Rank1: int64(len(low)), Rank2: int64(len(middle)), Rank3: int64(len(high))}
}

func bidder(b *schema.Bid) int64  { return b.Bidder }
func auction(b *schema.Bid) int64 { return b.Auction }

// Q15 is statistics of each day.
func Q15(in *Input) (rows []schema.DayStatistics) {
	days := map[string][]*schema.Bid{}
	for _, b := range in.bids() {
		days[day(b.DateTime)] = append(days[day(b.DateTime)], b)
	}
	for d, bids := range days {
		rows = append(rows, schema.DayStatistics{Day: d, Bids: ranks(bids), Bidders: ranked(bids, bidder), Auctions: ranked(bids, auction)})
	}
	return rows
}

// Q16 is statistics of each day and channel.
func Q16(in *Input) (rows []schema.ChannelStatistics) {
	type key struct{ channel, day string }
	groups := map[key][]*schema.Bid{}
	for _, b := range in.bids() {
		k := key{b.Channel, day(b.DateTime)}
		groups[k] = append(groups[k], b)
	}
	for k, bids := range groups {
		last := ""
		for _, b := range bids {
			last = max(last, minute(b.DateTime))
		}
		rows = append(rows, schema.ChannelStatistics{Channel: k.channel, Day: k.day, Minute: last, Bids: ranks(bids), Bidders: ranked(bids, bidder), Auctions: ranked(bids, auction)})
	}
	return rows
}

// Q17 is statistics of each day and auction.
func Q17(in *Input) (rows []schema.AuctionStatistics) {
	type key struct {
		auction int64
		day     string
	}
	groups := map[key][]*schema.Bid{}
	for _, b := range in.bids() {
		k := key{b.Auction, day(b.DateTime)}
		groups[k] = append(groups[k], b)
	}
	for k, bids := range groups {
		r := schema.AuctionStatistics{Auction: k.auction, Day: k.day, Bids: ranks(bids), Min: bids[0].Price, Max: bids[0].Price}
		for _, b := range bids {
			r.Min, r.Max, r.Sum = min(r.Min, b.Price), max(r.Max, b.Price), r.Sum+b.Price
		}
		r.Avg = r.Sum / int64(len(bids))
		rows = append(rows, r)
	}
	return rows
}
