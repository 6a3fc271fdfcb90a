package generator

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// bid is for the hot auction, the first of each hundred, and by the hot bidder,
// the second of each hundred people, unless draws say otherwise.
func (d *draw) bid() *schema.Bid {
	c := &d.g.c
	b := &schema.Bid{DateTime: d.now}
	if d.r.Int32N(c.HotAuctionRatio) > 0 {
		b.Auction = d.lastAuction() / hotEvery * hotEvery
	} else {
		b.Auction = d.anyAuction()
	}
	b.Auction += firstAuction
	if d.r.Int32N(c.HotBidderRatio) > 0 {
		b.Bidder = d.lastPerson()/hotEvery*hotEvery + 1
	} else {
		b.Bidder = d.anyPerson()
	}
	b.Bidder += firstPerson
	b.Price = d.price()
	if c.Channels {
		ch := d.channel()
		b.Channel, b.URL = ch.name, ch.url
	}
	b.Extra = d.extra(8+8+8+8, c.BidSize)
	return b
}

// channel is where a bid comes from.
type channel struct{ name, url string }

// Half of the bids come from a hot channel, the others from any of these many.
const anyChannels = 10_000

var hotChannels = [...]string{"Google", "Facebook", "Baidu", "Apple"}

// channels are the hot ones and then the others. Their URLs are drawn once, with
// a seed of their own: nexmark/nexmark draws them anew in each process.
var channels = sync.OnceValue(func() []channel {
	d := &draw{r: NewRandom(0)}
	url := func() string {
		s := "https://www.nexmark.com/"
		for range 3 {
			s += d.text(5, '_') + "/"
		}
		return s + "item.htm?query=1"
	}
	var all []channel
	for _, name := range hotChannels {
		all = append(all, channel{name, url()})
	}
	for i := range anyChannels {
		u := url()
		if d.r.Int32N(10) > 0 {
			id := int32(bits.Reverse32(uint32(i)))
			u += fmt.Sprintf("&channel_id=%d", max(id, -id))
		}
		all = append(all, channel{fmt.Sprintf("channel-%d", i), u})
	}
	return all
})

func (d *draw) channel() channel {
	all := channels()
	if d.r.Int32N(2) > 0 {
		return all[d.r.Int32N(int32(len(hotChannels)))]
	}
	return all[len(hotChannels)+int(d.r.Int32N(anyChannels))]
}
