package source_test

import (
	"context"
	"testing"
	"time"

	"github.com/affluxdev/afflux/bench/nexmark/generator"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/bench/nexmark/source"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/event"
)

// auctions are all that is made, beside one person, so that ids are keys.
func auctions(n int) generator.Config {
	c := generator.Flink()
	c.Events, c.Persons, c.Auctions, c.Bids, c.FirstRate, c.NextRate = int64(n), 1, 1<<30, 0, 100, 100
	return c
}

func key(e *schema.Event) int {
	if e.Person != nil {
		return 0
	}
	return int(e.Auction.ID - 1000 + 1)
}

func TestContract(t *testing.T) {
	t.Run("in order", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.Source[schema.Event]{
			New: func(_ testing.TB, n int) connector.Source[schema.Event] { return source.Events(auctions(n)) },
			Key: key, Positioned: true,
		})
	})
	t.Run("shuffled", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.Source[schema.Event]{
			New: func(_ testing.TB, n int) connector.Source[schema.Event] {
				return source.Events(auctions(n), source.Shuffled(3, time.Second))
			},
			Key: key, Positioned: true,
		})
	})
}

// read polls one subtask to its end.
func read(t *testing.T, s connector.Source[schema.Event], index, parallelism int) *event.Records[schema.Event] {
	t.Helper()
	r, err := s.Open(context.Background(), connector.Subtask{Index: index, Parallelism: parallelism})
	if err != nil {
		t.Fatal(err)
	}
	all := event.NewRecords[schema.Event](0)
	for {
		st, err := r.Poll(all, connector.Limit{Records: 37, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if st.State == connector.Done {
			return all
		}
	}
}

// TestShuffledWithinBound: the order is another one, the same in each run, and
// no event comes more than the bound after a later one.
func TestShuffledWithinBound(t *testing.T) {
	const bound = 2 * time.Second
	c := generator.Flink()
	c.Events, c.FirstRate, c.NextRate = 20_000, 500, 500
	s := source.Events(c, source.Shuffled(1, bound))
	for i := range 2 {
		all, again := read(t, s, i, 2), read(t, s, i, 2)
		if all.Len() != 10_000 {
			t.Fatalf("subtask %d has %d events", i, all.Len())
		}
		latest, most, back := event.MinTime, time.Duration(0), 0
		for k, at := range all.Times {
			if at != again.Times[k] {
				t.Fatalf("event %d comes at another place the second time", k)
			}
			if at < latest {
				back++
				most = max(most, time.Duration(latest-at))
			}
			latest = max(latest, at)
		}
		if most > bound || most < bound/2 || back < 5000 {
			t.Errorf("subtask %d: %d events are out of order, by up to %v", i, back, most)
		}
	}
}

func TestRefuses(t *testing.T) {
	groups, none := generator.Beam(), generator.Beam()
	groups.OutOfOrderGroup, none.Timelines = 10, 0
	for what, s := range map[string]connector.Source[schema.Event]{
		"two ways to mix":   source.Events(groups, source.Shuffled(1, time.Second)),
		"a negative bound":  source.Events(generator.Beam(), source.Shuffled(1, -1)),
		"a wrong generator": source.Events(none),
	} {
		if _, err := s.Open(context.Background(), connector.Subtask{Parallelism: 1}); err == nil {
			t.Errorf("accepted: %s", what)
		}
	}
}
