package query

import (
	"cmp"
	"slices"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// Q6, average selling price by seller: of the last ten auctions that each
// seller has sold, a row for each auction. The order is that in which the
// auctions expire, and of those that do at once, that of their ids. (The SQL
// orders by the time of the winning bid, and takes eleven.)
func Q6(events *Events, s Settings) *afflux.Stream[schema.SellerPrice] {
	return winners(events, s).
		KeyBy("seller", func(w *schema.WinningBid) int64 { return w.Auction.Seller }).
		Process("last-ten", func() *sales { return &sales{} })
}

// sale is an auction that was sold.
type sale struct{ Auction, Expires, Price int64 }

// sales come in some order from the subtasks that find winners. A timer brings
// them into that of their times.
type sales struct {
	coming *state.List[sale]
	last   *state.List[int64] // prices, the latest at the end
}

// Open implements afflux.Processor.
func (p *sales) Open(ctx *afflux.OpenContext) error {
	p.coming, p.last = ctx.List[sale]("coming"), ctx.List[int64]("last")
	return nil
}

// Process implements afflux.Processor.
func (p *sales) Process(ctx *afflux.ProcessContext[int64, schema.SellerPrice], w *schema.WinningBid) error {
	p.coming.Append(sale{Auction: w.Auction.ID, Expires: w.Auction.Expires, Price: w.Bid.Price})
	ctx.SetTimer(afflux.EventTimer, eventTime(w.Auction.Expires))
	return nil
}

// OnTimer implements afflux.TimerProcessor: no sale up to its time is missing.
func (p *sales) OnTimer(ctx *afflux.ProcessContext[int64, schema.SellerPrice], at event.Time, _ afflux.TimerKind) error {
	var due, later []sale
	for _, s := range p.coming.Get() {
		if eventTime(s.Expires) <= at {
			due = append(due, s)
		} else {
			later = append(later, s)
		}
	}
	slices.SortFunc(due, func(a, b sale) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(a.Auction, b.Auction))
	})
	last := slices.Clone(p.last.Get())
	for _, s := range due {
		last = append(last, s.Price)
		last = last[max(len(last)-10, 0):]
		sum := int64(0)
		for _, price := range last {
			sum += price
		}
		ctx.Emit(schema.SellerPrice{Seller: ctx.Key(), Auction: s.Auction, Price: sum / int64(len(last))})
	}
	p.last.Set(last)
	p.coming.Set(later)
	return nil
}
