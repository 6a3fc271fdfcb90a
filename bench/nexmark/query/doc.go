// Package query has Nexmark's queries as jobs in the typed API, a function for
// each: it takes a stream of events that has event times, and returns that of
// the answers. Where two versions of the benchmark differ, and what the rows
// are, is said with each query; package model has the same answers in plain
// loops.
//
// Some answers change while events come, like an average. Such a stream has
// every change, and the last row of each key is the answer. All others have
// each row once.
package query

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/event"
)

// Events is what queries are asked of.
type Events = afflux.Stream[schema.Event]

// Settings are what some of them depend on.
type Settings = schema.Settings

func persons(events *Events) *afflux.Stream[schema.Person] {
	return events.FlatMap("persons", func(e *schema.Event, emit func(schema.Person)) error {
		if e.Person != nil {
			emit(*e.Person)
		}
		return nil
	})
}

func auctions(events *Events) *afflux.Stream[schema.Auction] {
	return events.FlatMap("auctions", func(e *schema.Event, emit func(schema.Auction)) error {
		if e.Auction != nil {
			emit(*e.Auction)
		}
		return nil
	})
}

func bids(events *Events) *afflux.Stream[schema.Bid] {
	return events.FlatMap("bids", func(e *schema.Event, emit func(schema.Bid)) error {
		if e.Bid != nil {
			emit(*e.Bid)
		}
		return nil
	})
}

func personID(p *schema.Person) int64   { return p.ID }
func auctionID(a *schema.Auction) int64 { return a.ID }
func sellerOf(a *schema.Auction) int64  { return a.Seller }
func auctionOf(b *schema.Bid) int64     { return b.Auction }
func bidderOf(b *schema.Bid) int64      { return b.Bidder }

// everything is the key of a stream that is not divided.
func everything(*schema.Bid) int64 { return 0 }

func isCategory10(a *schema.Auction) bool { return a.Category == 10 }
func milliseconds(t event.Time) int64     { return int64(t) / int64(time.Millisecond) }
func eventTime(milliseconds int64) event.Time {
	return event.Time(milliseconds * int64(time.Millisecond))
}
