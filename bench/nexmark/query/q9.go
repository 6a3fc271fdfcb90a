package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q9, winning bids: for each auction that has expired, the highest valid bid;
// of equal ones the earliest. Settings.Reserve says which bids are valid. In
// SQL the winner is an answer that changes until the auction expires; here it
// comes once, then.
func Q9(events *Events, s Settings) *afflux.Stream[schema.WinningBid] { return winners(events, s) }
