package generator

import (
	"math"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

const categories = 5

// price is from 1 to 1 000 000 in cents, evenly over its logarithm.
func (d *draw) price() int64 {
	return int64(math.Floor(math.Pow(10, d.r.Float64()*6)*100 + 0.5))
}

// auction has a hot seller, the first of each hundred people, unless one in
// HotSellerRatio draws says otherwise.
func (d *draw) auction() *schema.Auction {
	c := &d.g.c
	a := &schema.Auction{ID: firstAuction + d.lastAuction(), DateTime: d.now}
	if d.r.Int32N(c.HotSellerRatio) > 0 {
		a.Seller = d.lastPerson() / hotEvery * hotEvery
	} else {
		a.Seller = d.anyPerson()
	}
	a.Seller += firstPerson
	a.Category = firstCategory + int64(d.r.Int32N(categories))
	a.InitialBid = d.price()
	a.Expires = d.now + d.length()
	a.Item = d.text(20, ' ')
	a.Description = d.text(100, ' ')
	a.Reserve = a.InitialBid + d.price()
	a.Extra = d.extra(8+len(a.Item)+len(a.Description)+8+8+8+8+8, c.AuctionSize)
	return a
}

// length is how long the auction runs, in milliseconds: on average the time in
// which InFlight auctions begin.
func (d *draw) length() int64 {
	c := &d.g.c
	horizon := d.g.clock.at(d.n+c.InFlight*d.g.block/c.Auctions) - d.now
	return 1 + d.below(max(2*horizon, 1))
}
