package model

import "github.com/affluxdev/afflux/bench/nexmark/schema"

// Q3 is the auctions of category 10 whose sellers live in three states.
func Q3(in *Input) (rows []schema.LocalItem) {
	persons := in.persons()
	for _, a := range in.auctions() {
		if a.Category != 10 {
			continue
		}
		for _, p := range persons {
			if p.ID == a.Seller && (p.State == "OR" || p.State == "ID" || p.State == "CA") {
				rows = append(rows, schema.LocalItem{Name: p.Name, City: p.City, State: p.State, Auction: a.ID})
			}
		}
	}
	return rows
}

// Q8 is the persons and auctions of one seller and one window.
func Q8(in *Input) (rows []schema.NewSeller) {
	size := in.Settings.Window
	persons := in.persons()
	for _, a := range in.auctions() {
		for _, p := range persons {
			if p.ID == a.Seller && start(p.DateTime, size) == start(a.DateTime, size) {
				rows = append(rows, schema.NewSeller{Person: p.ID, Name: p.Name, Reserve: a.Reserve, Start: start(a.DateTime, size)})
			}
		}
	}
	return rows
}

// Q13 is the bids that have a row in the table.
func Q13(in *Input) (rows []schema.BidWithSide) {
	table := map[int64]string{}
	for _, s := range in.Sides {
		table[s.Key] = s.Value
	}
	for _, b := range in.bids() {
		if v, ok := table[b.Auction%10_000]; ok {
			rows = append(rows, schema.BidWithSide{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, DateTime: b.DateTime, Value: v})
		}
	}
	return rows
}

// Q20 is the bids for auctions of category 10.
func Q20(in *Input) (rows []schema.BidAndAuction) {
	bids := in.bids()
	for _, a := range in.auctions() {
		if a.Category != 10 {
			continue
		}
		for _, b := range bids {
			if b.Auction == a.ID {
				rows = append(rows, schema.BidAndAuction{Bid: *b, Auction: *a})
			}
		}
	}
	return rows
}

// Q23 is the bids of persons who also sell, once for each auction of theirs.
func Q23(in *Input) (rows []schema.BidderWhoSells) {
	bids := in.bidsOf(func(b *schema.Bid) int64 { return b.Bidder })
	auctions := in.auctions()
	for _, p := range in.persons() {
		for _, a := range auctions {
			if a.Seller != p.ID {
				continue
			}
			for _, b := range bids[p.ID] {
				rows = append(rows, schema.BidderWhoSells{Bid: *b, Person: *p, Auction: *a})
			}
		}
	}
	return rows
}
