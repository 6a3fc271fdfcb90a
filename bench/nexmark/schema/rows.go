package schema

import "cmp"

// BidInEuro is a row of q1. MilliPrice is in thousandths of a euro cent: the
// price times 0.908, exactly.
type BidInEuro struct {
	Auction, Bidder, MilliPrice, DateTime int64
	Extra                                 string
}

// AuctionPrice is a row of q2.
type AuctionPrice struct{ Auction, Price int64 }

// LocalItem is a row of q3.
type LocalItem struct {
	Name, City, State string
	Auction           int64
}

// CategoryPrice is a row of q4: an average, rounded down.
type CategoryPrice struct{ Category, Price int64 }

// HotItem is a row of q5: an auction with the most bids of the window from
// Start to just before End.
type HotItem struct{ Auction, Bids, Start, End int64 }

// SellerPrice is a row of q6: the average price, rounded down, of the last ten
// auctions that a seller has sold, as of the closing of Auction.
type SellerPrice struct{ Seller, Auction, Price int64 }

// NewSeller is a row of q8: somebody who came and began an auction in the
// window from Start on.
type NewSeller struct {
	Person  int64
	Name    string
	Reserve int64
	Start   int64
}

// WinningBid is a row of q9.
type WinningBid struct {
	Auction Auction
	Bid     Bid
}

// LoggedBid is a row of q10: a bid, and the day and minute, in UTC, of its file.
type LoggedBid struct {
	Auction  int64
	Bidder   int64
	Price    int64
	DateTime int64
	Extra    string
	Day      string
	Minute   string
}

// BidderSession is a row of q11: End is the gap after the last bid.
type BidderSession struct{ Bidder, Bids, Start, End int64 }

// BidderBids is a row of q12.
type BidderBids struct{ Bidder, Bids int64 }

// Side is a row of the table that q13 joins bids with.
type Side struct {
	Key   int64
	Value string
}

// BidWithSide is a row of q13.
type BidWithSide struct {
	Auction, Bidder, Price, DateTime int64
	Value                            string
}

// TimedBid is a row of q14. MilliPrice is as in BidInEuro.
type TimedBid struct {
	Auction, Bidder, MilliPrice int64
	TimeType                    string
	DateTime                    int64
	Extra                       string
	Cs                          int64 // letters c in Extra
}

// Ranks are counts of all, and of those with a price below 10 000, below
// 1 000 000, and above.
type Ranks struct{ Total, Rank1, Rank2, Rank3 int64 }

// DayStatistics is a row of q15. Day is like 2015-07-15, in UTC.
type DayStatistics struct {
	Day                     string
	Bids, Bidders, Auctions Ranks
}

// ChannelStatistics is a row of q16. Minute is that of the last bid, like 23:59.
type ChannelStatistics struct {
	Channel, Day, Minute    string
	Bids, Bidders, Auctions Ranks
}

// AuctionStatistics is a row of q17. The average is rounded down.
type AuctionStatistics struct {
	Auction            int64
	Day                string
	Bids               Ranks
	Min, Max, Avg, Sum int64
}

// RankedBid is a row of q19. Rank counts from 1.
type RankedBid struct {
	Bid  Bid
	Rank int
}

// BidAndAuction is a row of q20.
type BidAndAuction struct {
	Bid     Bid
	Auction Auction
}

// BidChannel is a row of q21.
type BidChannel struct {
	Auction, Bidder, Price int64
	Channel, ChannelID     string
}

// BidDirectories is a row of q22.
type BidDirectories struct {
	Auction, Bidder, Price    int64
	Channel, Dir1, Dir2, Dir3 string
}

// BidderWhoSells is a row of q23: a bid, who made it, and an auction of theirs.
type BidderWhoSells struct {
	Bid     Bid
	Person  Person
	Auction Auction
}

// Higher orders bids by price, the highest first; of equal ones the earliest.
// What is left is decided by the other fields, so that there is one order.
func Higher(a, b *Bid) int {
	return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(a.DateTime, b.DateTime), rest(a, b))
}

// Later orders bids by time, the latest first; of equal ones the highest.
func Later(a, b *Bid) int {
	return cmp.Or(cmp.Compare(b.DateTime, a.DateTime), cmp.Compare(b.Price, a.Price), rest(a, b))
}

func rest(a, b *Bid) int {
	return cmp.Or(cmp.Compare(a.Bidder, b.Bidder), cmp.Compare(a.Auction, b.Auction), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Extra, b.Extra))
}
