package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// winners has the winning bid of each auction that has one, when the auction
// expires.
func winners(events *Events, s Settings) *afflux.Stream[schema.WinningBid] {
	return auctions(events).KeyBy("auction", auctionID).
		Connect(bids(events).KeyBy("bid-auction", auctionOf)).
		Process("winner", func() *auctioneer { return &auctioneer{settings: s} })
}

// auctioneer keeps the best bid of each auction until it expires. Bids may come
// before their auction, also because the generator lets some be made for
// auctions to come: those wait.
type auctioneer struct {
	settings Settings
	open     *state.Value[schema.Auction]
	best     *state.Value[schema.Bid]
	waiting  *state.List[schema.Bid]
}

// Open implements afflux.PairProcessor.
func (p *auctioneer) Open(ctx *afflux.OpenContext) error {
	p.open = ctx.Value[schema.Auction]("open")
	p.best = ctx.Value[schema.Bid]("best")
	p.waiting = ctx.List[schema.Bid]("waiting")
	return nil
}

// ProcessLeft implements afflux.PairProcessor.
func (p *auctioneer) ProcessLeft(ctx *afflux.ProcessContext[int64, schema.WinningBid], a *schema.Auction) error {
	p.open.Set(*a)
	for _, b := range p.waiting.Get() {
		p.consider(a, &b)
	}
	p.waiting.Clear()
	ctx.SetTimer(afflux.EventTimer, eventTime(a.Expires))
	return nil
}

// ProcessRight implements afflux.PairProcessor.
func (p *auctioneer) ProcessRight(_ *afflux.ProcessContext[int64, schema.WinningBid], b *schema.Bid) error {
	a, ok := p.open.Get()
	if !ok {
		p.waiting.Append(*b)
		return nil
	}
	p.consider(&a, b)
	return nil
}

func (p *auctioneer) consider(a *schema.Auction, b *schema.Bid) {
	if !p.settings.Valid(a, b) {
		return
	}
	if best, ok := p.best.Get(); !ok || schema.Higher(b, &best) < 0 {
		p.best.Set(*b)
	}
}

// OnTimer implements afflux.TimerProcessor: the auction expires.
func (p *auctioneer) OnTimer(ctx *afflux.ProcessContext[int64, schema.WinningBid], _ event.Time, _ afflux.TimerKind) error {
	a, _ := p.open.Get()
	if best, ok := p.best.Get(); ok {
		ctx.Emit(schema.WinningBid{Auction: a, Bid: best})
	}
	p.best.Clear()
	return nil
}
