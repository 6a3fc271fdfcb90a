// Package model answers Nexmark's queries by brute force: the whole input is in
// memory, and every answer is found with plain loops over it. It shares nothing
// with the engine, which is checked against it, nor with the queries as they
// are written for the engine. Answers are rows in no order.
package model

import (
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// Input is all events of a run.
type Input struct {
	Events   []schema.Event
	Settings schema.Settings
	// Sides is the table of q13.
	Sides []schema.Side
}

func (in *Input) persons() (all []*schema.Person) {
	for _, e := range in.Events {
		if e.Person != nil {
			all = append(all, e.Person)
		}
	}
	return all
}

func (in *Input) auctions() (all []*schema.Auction) {
	for _, e := range in.Events {
		if e.Auction != nil {
			all = append(all, e.Auction)
		}
	}
	return all
}

func (in *Input) bids() (all []*schema.Bid) {
	for _, e := range in.Events {
		if e.Bid != nil {
			all = append(all, e.Bid)
		}
	}
	return all
}

// bidsOf groups bids by one of their numbers.
func (in *Input) bidsOf(key func(*schema.Bid) int64) map[int64][]*schema.Bid {
	groups := map[int64][]*schema.Bid{}
	for _, b := range in.bids() {
		groups[key(b)] = append(groups[key(b)], b)
	}
	return groups
}

func utc(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func day(ms int64) string { return utc(ms).Format(time.DateOnly) }

func minute(ms int64) string { return utc(ms).Format("15:04") }

// start is the start of the tumbling window that a time is in. Times are after
// 1970.
func start(ms int64, size time.Duration) int64 { return ms / size.Milliseconds() * size.Milliseconds() }
