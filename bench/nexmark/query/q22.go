package query

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q22, directories: those of the URL of each bid. A bid whose URL has fewer
// than three is refused.
func Q22(events *Events) *afflux.Stream[schema.BidDirectories] {
	return bids(events).TryMap("directories", func(b *schema.Bid) (schema.BidDirectories, error) {
		parts := strings.SplitN(b.URL, "/", 7)
		if len(parts) < 6 {
			return schema.BidDirectories{}, fmt.Errorf("the URL %q has no three directories", b.URL)
		}
		return schema.BidDirectories{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel,
			Dir1: parts[3], Dir2: parts[4], Dir3: parts[5]}, nil
	})
}
