package query

import (
	"regexp"
	"strings"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q21, channel ids: each bid whose channel is one of four, or whose URL names a
// channel, with the number of that channel.
func Q21(events *Events) *afflux.Stream[schema.BidChannel] {
	parameter := regexp.MustCompile(`(?:&|^)channel_id=([^&]*)`)
	return bids(events).FlatMap("channel-id", func(b *schema.Bid, emit func(schema.BidChannel)) error {
		row := schema.BidChannel{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel}
		switch strings.ToLower(b.Channel) {
		case "apple":
			row.ChannelID = "0"
		case "google":
			row.ChannelID = "1"
		case "facebook":
			row.ChannelID = "2"
		case "baidu":
			row.ChannelID = "3"
		default:
			found := parameter.FindStringSubmatch(b.URL)
			if found == nil {
				return nil
			}
			row.ChannelID = found[1]
		}
		emit(row)
		return nil
	})
}
