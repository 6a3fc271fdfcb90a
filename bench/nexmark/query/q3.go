package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Q3, local items: the auctions of category 10 whose sellers live in Oregon,
// Idaho or California, with the seller. Whichever of the two comes first waits
// for the other, for ever. (Beam's forgets them after ten minutes.)
func Q3(events *Events) *afflux.Stream[schema.LocalItem] {
	local := persons(events).
		Filter("local", func(p *schema.Person) bool { return p.State == "OR" || p.State == "ID" || p.State == "CA" }).
		KeyBy("person", personID)
	return auctions(events).
		Filter("category-10", isCategory10).
		KeyBy("seller", sellerOf).
		Connect(local).
		Process("local-items", meet(func(a *schema.Auction, p *schema.Person) schema.LocalItem {
			return schema.LocalItem{Name: p.Name, City: p.City, State: p.State, Auction: a.ID}
		}))
}
