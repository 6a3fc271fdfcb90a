package generator

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

func generator(t *testing.T, c Config) *Generator {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPricesAreJavas has the checksum of what Java 17 makes of the same draws,
// to tell a power or a rounding that differs.
func TestPricesAreJavas(t *testing.T) {
	var sum int64
	for seed := range int64(100_000) {
		d := draw{r: NewRandom(seed)}
		d.r.Int32N(4)
		sum = sum*31 + d.price()
	}
	if want := int64(3485762174013686082); sum != want {
		t.Errorf("the checksum is %d, Java's is %d", sum, want)
	}
}

func TestProportions(t *testing.T) {
	for name, c := range map[string]Config{"beam": Beam(), "flink": Flink()} {
		c.Events = 10_000
		g := generator(t, c)
		var persons, auctions, bids int
		for e := range g.Seq {
			switch {
			case e.Person != nil:
				if e.Person.ID != 1000+int64(persons) && c.Timelines == 1 {
					t.Fatalf("%s: person %d has the id %d", name, persons, e.Person.ID)
				}
				persons++
			case e.Auction != nil:
				if e.Auction.ID != 1000+int64(auctions) && c.Timelines == 1 {
					t.Fatalf("%s: auction %d has the id %d", name, auctions, e.Auction.ID)
				}
				if e.Auction.Expires <= e.Auction.DateTime || e.Auction.Reserve < e.Auction.InitialBid {
					t.Fatalf("%s: %+v", name, e.Auction)
				}
				auctions++
			case e.Bid != nil:
				if c.Channels != (e.Bid.Channel != "" && e.Bid.URL != "") {
					t.Fatalf("%s: %+v", name, e.Bid)
				}
				bids++
			}
		}
		if persons != 200 || auctions != 600 || bids != 9200 {
			t.Errorf("%s: %d persons, %d auctions, %d bids", name, persons, auctions, bids)
		}
	}
}

// TestIdsAreUnique looks at timelines of unequal lengths.
func TestIdsAreUnique(t *testing.T) {
	c := Beam()
	c.Events, c.Timelines = 10_047, 7
	g := generator(t, c)
	seen := map[int64]bool{}
	for e := range g.Seq {
		if e.Auction != nil {
			if seen[e.Auction.ID] {
				t.Fatalf("auction %d twice", e.Auction.ID)
			}
			seen[e.Auction.ID] = true
		}
	}
	if len(seen) < 600 {
		t.Errorf("%d auctions", len(seen))
	}
}

func TestTimesGoUp(t *testing.T) {
	for _, change := range []func(*Config){
		func(*Config) {},
		func(c *Config) { c.Events, c.Timelines = 10_047, 7 },
		func(c *Config) { c.NextRate, c.Period = 1000, 10*time.Second },
		func(c *Config) { c.NextRate, c.Period, c.Shape = 1000, 3*time.Second, Square },
		func(c *Config) { *c = Flink() },
		func(c *Config) { *c = Flink(); c.FirstRate, c.NextRate, c.RateUnit = 17, 17, time.Minute },
	} {
		c := Beam()
		change(&c)
		g, last, first := generator(t, c), int64(0), int64(0)
		for e := range g.Seq {
			if at := e.DateTime(); at < last {
				t.Fatalf("%+v: times go back from %d to %d", c, last, at)
			} else if last = at; first == 0 {
				first = at
			}
		}
		if first != c.BaseTime {
			t.Errorf("%+v begins at %d", c, first)
		}
	}
}

// TestRates: the mean of two rates of equal lengths is what counts over a
// period.
func TestRates(t *testing.T) {
	c := Beam()
	c.Timelines, c.FirstRate, c.NextRate, c.Shape, c.Period = 1, 1000, 500, Square, 10*time.Second
	k := newClock(&c)
	for _, p := range []struct{ n, ms int64 }{{0, 0}, {1000, 1000}, {5000, 5000}, {5500, 6000}, {7500, 10_000}, {8500, 11_000}, {15_000, 20_000}} {
		if got := k.at(p.n) - c.BaseTime; got != p.ms {
			t.Errorf("event %d is at %d ms, want %d", p.n, got, p.ms)
		}
	}
	c = Flink()
	c.FirstRate, c.NextRate = 3, 3
	k = newClock(&c)
	if got := k.at(3000) - c.BaseTime; got != 1_000_000 {
		t.Errorf("the 3000th event at 3/s is at %d ms", got)
	}
	c.ExactRate = false
	k = newClock(&c)
	if got := k.at(3000) - c.BaseTime; got != 999_999 {
		t.Errorf("the 3000th event at 333333 µs is at %d ms", got)
	}
}

// TestOutOfOrderGroups mixes events within their group and nowhere else.
func TestOutOfOrderGroups(t *testing.T) {
	c := Flink()
	c.Events = 5000
	plain := slices.Collect(generator(t, c).Seq)
	c.OutOfOrderGroup = 1000
	mixed := slices.Collect(generator(t, c).Seq)
	moved := 0
	for from := 0; from < len(plain); from += 1000 {
		index := map[schema.Bid]int{}
		for i, e := range plain[from : from+1000] {
			if e.Bid != nil {
				index[*e.Bid] = i
			}
		}
		for i, e := range mixed[from : from+1000] {
			if e.Bid == nil {
				continue
			}
			j, ok := index[*e.Bid]
			if !ok {
				t.Fatalf("bid %+v is not of its group", e.Bid)
			}
			if i != j {
				moved++
			}
		}
	}
	if moved < 4000 {
		t.Errorf("only %d bids have moved", moved)
	}
}

func TestSameEveryTime(t *testing.T) {
	g, h := generator(t, Flink()), generator(t, Flink())
	for i := range int64(1000) {
		j := (i*7919 + 13) % g.Len()
		if a, b := g.At(j), h.At(j); !reflect.DeepEqual(a, b) {
			t.Fatalf("event %d is %+v and %+v", j, a, b)
		}
	}
}

func TestWrongConfigurations(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Events = -1 },
		func(c *Config) { c.Timelines = 0 },
		func(c *Config) { c.FirstRate = 0 },
		func(c *Config) { c.HotAuctionRatio = 0 },
		func(c *Config) { c.RateUnit = 0 },
		func(c *Config) { c.ExactRate, c.NextRate = true, 5 },
	} {
		c := Beam()
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
}

// TestNeighboursAreIndependent counts how often hot and other auctions take
// turns: about every second time, or nearly never as in Beam.
func TestNeighboursAreIndependent(t *testing.T) {
	turns := func(c Config) (n int) {
		c.Events, c.Timelines = 20_000, 1
		hot := false
		for e := range generator(t, c).Seq {
			if e.Bid != nil && (e.Bid.Auction%100 == 0) != hot {
				hot = !hot
				n++
			}
		}
		return n
	}
	if n := turns(Flink()); n < 8000 || n > 10_400 {
		t.Errorf("independent bids take turns %d times", n)
	}
	if n := turns(Beam()); n < 2 || n > 1000 {
		t.Errorf("Beam's bids take turns %d times", n)
	}
}
