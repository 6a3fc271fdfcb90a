package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q19, top ten: the highest bids for each auction, with their ranks; of equal
// ones the earliest is first. As in SQL, each bid makes the rows of its auction
// anew; the last one of each auction and rank is the answer.
func Q19(events *Events) *afflux.Stream[schema.RankedBid] {
	return bids(events).
		KeyBy("auction", auctionOf).
		Aggregate("top-ten", afflux.Top(10, highAndEarly)).
		FlatMap("ranks", func(kv *afflux.KV[int64, []schema.Bid], emit func(schema.RankedBid)) error {
			for i := range kv.Value {
				emit(schema.RankedBid{Bid: kv.Value[i], Rank: i + 1})
			}
			return nil
		})
}

// highAndEarly is larger for a higher price and, of equal ones, for an earlier
// time. Prices are below 2^27, so 36 bits are left for milliseconds: two years
// from 2015 on, in which all events are.
func highAndEarly(b *schema.Bid) int64 {
	const bits, since = 36, 1_420_070_400_000
	return b.Price<<bits | (1<<bits - 1 - (b.DateTime - since))
}
