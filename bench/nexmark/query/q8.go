package query

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/window"
)

// Q8, new users: who came and began an auction in one tumbling window of
// Settings.Window, a row for each auction. (In SQL, one for each person.)
func Q8(events *Events, s Settings) *afflux.Stream[schema.NewSeller] {
	size := s.Window.Milliseconds()
	return persons(events).KeyBy("person", personID).
		Join(auctions(events).KeyBy("seller", sellerOf)).
		Window(window.Tumbling(s.Window)).
		Inner("new-sellers", func(p *schema.Person, a *schema.Auction) schema.NewSeller {
			return schema.NewSeller{Person: p.ID, Name: p.Name, Reserve: a.Reserve, Start: p.DateTime / size * size}
		}).
		Stream
}
