package generator

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Shape is how the rate of events changes between two rates.
type Shape uint8

const (
	// Square has one rate for half of the period, and the other for the rest.
	Square Shape = iota
	// Sine goes from one rate to the other and back in ten steps.
	Sine
)

// steps of a period.
func (s Shape) steps() int64 {
	if s == Sine {
		return 10
	}
	return 2
}

// Config says which events there are. Begin with Beam or Flink and change what
// should differ.
type Config struct {
	// Events is how many there are.
	Events int64
	// Timelines that run side by side, each with its share of the event ids
	// and of the rate, and each beginning at BaseTime. Beam calls them event
	// generators.
	Timelines int64
	// BaseTime is that of the first event, in milliseconds since the epoch.
	BaseTime int64

	// FirstRate and NextRate are events in each RateUnit; when they differ,
	// Shape says how the rate changes in each Period.
	FirstRate, NextRate int64
	RateUnit            time.Duration
	Shape               Shape
	Period              time.Duration
	// ExactRate keeps the time between two events as a fraction; otherwise it
	// is rounded to microseconds.
	ExactRate bool

	// Of each Persons+Auctions+Bids events these many are of each kind, in
	// this order.
	Persons, Auctions, Bids int64

	// Average sizes in bytes, as Beam counts them; the field Extra fills up.
	PersonSize, AuctionSize, BidSize int32

	// One in HotAuctionRatio bids is for any auction in flight, and all others
	// for the hot one; likewise for sellers of auctions and for bidders.
	HotAuctionRatio, HotSellerRatio, HotBidderRatio int32
	// InFlight is how many auctions of a timeline are open at a time.
	InFlight int64
	// ActivePeople are the last ones, who sell and bid.
	ActivePeople int64
	// OutOfOrderGroup is the number of events within which they are mixed; 1
	// for none.
	OutOfOrderGroup int64
	// Independent draws each event independently of its neighbours, as
	// nexmark/nexmark does. Otherwise the id itself is the seed, as in Beam:
	// the first draws of events with near ids are then nearly the same, and
	// thousands of bids in a row are for hot auctions, or none.
	Independent bool
	// Channels gives bids a channel and a URL, as nexmark/nexmark has them.
	Channels bool
}

// Beam is the default configuration of Beam's Java Nexmark.
func Beam() Config {
	return Config{
		Events: 100_000, Timelines: 100,
		BaseTime:  time.Date(2015, time.July, 15, 0, 0, 0, 0, time.UTC).UnixMilli(),
		FirstRate: 10_000, NextRate: 10_000, RateUnit: time.Second, Shape: Sine, Period: 600 * time.Second,
		Persons: 1, Auctions: 3, Bids: 46,
		PersonSize: 200, AuctionSize: 500, BidSize: 100,
		HotAuctionRatio: 2, HotSellerRatio: 4, HotBidderRatio: 4,
		InFlight: 100, ActivePeople: 1000, OutOfOrderGroup: 1,
	}
}

// Flink is the default configuration of nexmark/nexmark, with Beam's number of
// events and beginning, since that one has no end and begins when it is run.
func Flink() Config {
	c := Beam()
	c.Timelines, c.Shape = 1, Square
	c.ExactRate, c.Independent, c.Channels = true, true, true
	return c
}

// Err says what is wrong with the configuration, or nil.
func (c *Config) Err() error {
	var errs []error
	least := func(what string, v, least int64) {
		if v < least {
			errs = append(errs, fmt.Errorf("%s is %d: at least %d is needed", what, v, least))
		}
	}
	least("Events", c.Events, 0)
	least("Timelines", c.Timelines, 1)
	least("FirstRate", c.FirstRate, 1)
	least("NextRate", c.NextRate, 1)
	least("RateUnit in microseconds", c.RateUnit.Microseconds(), 1)
	least("Period in seconds", int64(c.Period/time.Second), 1)
	least("Persons", c.Persons, 1)
	least("Auctions", c.Auctions, 1)
	least("Bids", c.Bids, 0)
	least("PersonSize", int64(c.PersonSize), 0)
	least("AuctionSize", int64(c.AuctionSize), 0)
	least("BidSize", int64(c.BidSize), 0)
	least("HotAuctionRatio", int64(c.HotAuctionRatio), 1)
	least("HotSellerRatio", int64(c.HotSellerRatio), 1)
	least("HotBidderRatio", int64(c.HotBidderRatio), 1)
	least("InFlight", c.InFlight, 1)
	least("ActivePeople", c.ActivePeople, 1)
	least("OutOfOrderGroup", c.OutOfOrderGroup, 1)
	if c.ExactRate && c.FirstRate != c.NextRate {
		errs = append(errs, errors.New("ExactRate needs one rate: FirstRate and NextRate differ"))
	}
	if len(errs) > 0 {
		return fmt.Errorf("nexmark: %w", errors.Join(errs...))
	}
	return nil
}

// clock tells the time of an event by its number in a timeline.
type clock struct {
	base  int64   // milliseconds
	exact float64 // microseconds between events, if not 0
	// Microseconds between events of each step, and how many events a step has.
	delays, counts []int64
	perPeriod      int64 // events
	period         int64 // milliseconds
}

func newClock(c *Config) *clock {
	k := &clock{base: c.BaseTime}
	unit := c.RateUnit.Microseconds()
	delay := func(rate int64) int64 { return (unit + rate/2) / rate * c.Timelines }
	switch {
	case c.ExactRate:
		k.exact = float64(unit) / float64(c.FirstRate) * float64(c.Timelines)
	case c.FirstRate == c.NextRate:
		k.delays = []int64{delay(c.FirstRate)}
	case c.Shape == Square:
		k.delays = []int64{delay(c.FirstRate), delay(c.NextRate)}
	default:
		middle, swing := float64(c.FirstRate+c.NextRate)/2, float64(c.FirstRate-c.NextRate)/2
		n := c.Shape.steps()
		for i := range n {
			rate := middle + swing*math.Cos(2*math.Pi*float64(i)/float64(n))
			k.delays = append(k.delays, delay(int64(math.Floor(rate+0.5))))
		}
	}
	seconds, n := int64(c.Period/time.Second), c.Shape.steps()
	step := (seconds + n - 1) / n * 1_000_000
	for _, d := range k.delays {
		events := max(step/max(d, 1), 1)
		k.counts = append(k.counts, events)
		k.perPeriod += events
		k.period += events * d / 1000
	}
	return k
}

// at is the time of event n of a timeline.
func (k *clock) at(n int64) int64 {
	switch {
	case k.exact != 0:
		return k.base + int64(float64(n)*k.exact)/1000
	case len(k.delays) == 1:
		return k.base + n*k.delays[0]/1000
	}
	t := k.base + n/k.perPeriod*k.period
	n %= k.perPeriod
	for i, d := range k.delays {
		if n < k.counts[i] {
			return t + n*d/1000
		}
		n -= k.counts[i]
		t += k.counts[i] * d / 1000
	}
	return t
}
