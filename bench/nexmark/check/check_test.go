package check

import (
	"strings"
	"testing"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/model"
	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
)

// TestQueries is a small run of what the command checks.
func TestQueries(t *testing.T) {
	var out strings.Builder
	passed, all, err := Run(t.Context(), &out, Options{Events: 2500, Parallelisms: []int{1, 3}, Dir: t.TempDir()})
	if want := 24 * 2 * 2 * 2; err != nil || passed != all || all != want {
		t.Errorf("%d of %d checks passed, want %d (%v):\n%s", passed, all, want, err, out.String())
	}
}

// TestFindsWrongAnswers runs queries that are wrong in a way that the model has
// to notice.
func TestFindsWrongAnswers(t *testing.T) {
	work, err := dense(2500)
	if err != nil {
		t.Fatal(err)
	}
	lossy := func(events *query.Events) *afflux.Stream[schema.AuctionPrice] {
		return query.Q2(events).Filter("lose", func(p *schema.AuctionPrice) bool { return p.Price%2 == 0 })
	}
	other := func(in *model.Input) []schema.HotItem {
		later := *in
		later.Settings.Slide *= 2
		return model.Q5(&later)
	}
	hasty, err := dense(20_000) // so many that watermarks come between them in any case
	if err != nil {
		t.Fatal(err)
	}
	hasty.bound = 0
	for what, c := range map[string]struct {
		p    plan
		work *workload
	}{
		"lost rows":     {fixed("q2", lossy, model.Q2), work},
		"other windows": {answers("q5", query.Q5, other, nil), work},
		"late events":   {answers("q5", query.Q5, model.Q5, nil), hasty},
	} {
		if err := c.p.check(t.Context(), c.work, variant{parallelism: 2, shuffled: true}, c.p.want(work.input), t.TempDir()); err == nil {
			t.Errorf("%s were not found", what)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct{ got, want, says string }{
		{"a b b c", "a b b c", ""},
		{"a b c", "a b b c", "3 rows, want 4: 0 are wrong or too many, 1 are missing\nmissing: b"},
		{"a b b c d", "a b c", "5 rows, want 3: 2 are wrong or too many, 0 are missing\nnot expected: b\nnot expected: d"},
		{"a x", "a y", "2 rows, want 2: 1 are wrong or too many, 1 are missing\nnot expected: x\nmissing: y"},
	} {
		says := ""
		if err := compare(strings.Fields(c.got), strings.Fields(c.want)); err != nil {
			says = err.Error()
		}
		if says != c.says {
			t.Errorf("%s against %s: %q, want %q", c.got, c.want, says, c.says)
		}
	}
}

// TestRowsOfTheModel: at the number of events that the command takes, no query
// is checked against nothing.
func TestRowsOfTheModel(t *testing.T) {
	for _, events := range []int64{2500, 20_000} {
		normal, err := dense(events)
		if err != nil {
			t.Fatal(err)
		}
		day, err := sparse(events)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range plans() {
			work := normal
			if p.slow {
				work = day
			}
			if len(p.want(work.input)) == 0 {
				t.Errorf("%s has no rows for %d events", p.name, events)
			}
		}
	}
}

// TestTiesAreDecided: SQL leaves open which of some equal bids ranks first.
// The orders of this package do not, so long as no two bids are the same.
func TestTiesAreDecided(t *testing.T) {
	work, err := dense(20_000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[schema.Bid]bool{}
	type place struct{ auction, price, at int64 }
	places := map[place]bool{}
	for _, e := range work.input.Events {
		if e.Bid == nil {
			continue
		}
		p := place{e.Bid.Auction, e.Bid.Price, e.Bid.DateTime}
		if seen[*e.Bid] || places[p] {
			t.Errorf("two bids are alike: %+v", e.Bid)
		}
		seen[*e.Bid], places[p] = true, true
	}
}

// TestFailures is a small run of what the command checks with failures.
func TestFailures(t *testing.T) {
	var out strings.Builder
	passed, all, err := Failures(t.Context(), &out, FailureOptions{Events: 2500, Seed: 1, Rounds: 1, Dir: t.TempDir()})
	if want := 4 * 4 * 2; err != nil || passed != all || all != want {
		t.Errorf("%d of %d checks passed, want %d (%v):\n%s", passed, all, want, err, out.String())
	}
}
