package model

import (
	"regexp"
	"strings"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q0 is every event.
func Q0(in *Input) []schema.Event { return in.Events }

// Q1 is every bid, in euro.
func Q1(in *Input) (rows []schema.BidInEuro) {
	for _, b := range in.bids() {
		rows = append(rows, schema.BidInEuro{Auction: b.Auction, Bidder: b.Bidder, MilliPrice: 908 * b.Price, DateTime: b.DateTime, Extra: b.Extra})
	}
	return rows
}

// Q2 is the bids for every 123rd auction.
func Q2(in *Input) (rows []schema.AuctionPrice) {
	for _, b := range in.bids() {
		if b.Auction%123 == 0 {
			rows = append(rows, schema.AuctionPrice{Auction: b.Auction, Price: b.Price})
		}
	}
	return rows
}

// Q10 is every bid, with the minute in whose file it is.
func Q10(in *Input) (rows []schema.LoggedBid) {
	for _, b := range in.bids() {
		rows = append(rows, schema.LoggedBid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, DateTime: b.DateTime, Extra: b.Extra,
			Day: day(b.DateTime), Minute: minute(b.DateTime)})
	}
	return rows
}

// Q14 is the bids of some value, with the time of day.
func Q14(in *Input) (rows []schema.TimedBid) {
	for _, b := range in.bids() {
		milli := 908 * b.Price
		if milli <= 1_000_000_000 || milli >= 50_000_000_000 {
			continue
		}
		when := "otherTime"
		switch h := utc(b.DateTime).Hour(); {
		case 8 <= h && h <= 18:
			when = "dayTime"
		case h <= 6 || h >= 20:
			when = "nightTime"
		}
		rows = append(rows, schema.TimedBid{Auction: b.Auction, Bidder: b.Bidder, MilliPrice: milli, TimeType: when, DateTime: b.DateTime, Extra: b.Extra,
			Cs: int64(strings.Count(b.Extra, "c"))})
	}
	return rows
}

var channelID = regexp.MustCompile(`(&|^)channel_id=([^&]*)`)

// Q21 is the bids whose channel has a number, with that number.
func Q21(in *Input) (rows []schema.BidChannel) {
	known := map[string]string{"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
	for _, b := range in.bids() {
		id, ok := known[strings.ToLower(b.Channel)]
		if !ok {
			found := channelID.FindStringSubmatch(b.URL)
			if found == nil {
				continue
			}
			id = found[2]
		}
		rows = append(rows, schema.BidChannel{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel, ChannelID: id})
	}
	return rows
}

// Q22 is every bid, with the directories of its URL.
func Q22(in *Input) (rows []schema.BidDirectories) {
	for _, b := range in.bids() {
		parts := strings.Split(b.URL, "/")
		rows = append(rows, schema.BidDirectories{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel, Dir1: parts[3], Dir2: parts[4], Dir3: parts[5]})
	}
	return rows
}
