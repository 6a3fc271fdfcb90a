package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/model"
	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector/memory"
)

// plan is a query and its model. Rows are compared as JSON, so that those of
// all queries are handled alike.
type plan struct {
	name string
	slow bool // needs events that take a day
	// start adds the query to a job. What it returns gives the rows when the
	// job has ended. dir is an empty directory.
	start func(events *query.Events, in *model.Input, dir string) func() ([]string, error)
	want  func(in *model.Input) []string
	// committed returns an outlet that outlives jobs; nil if there is none.
	committed func() outlet
}

// outlet is a sink that shows rows once they are committed, for one job after
// the other. add adds the query to a job, and rows are those of all.
type outlet struct {
	add  func(events *query.Events, in *model.Input)
	rows func() []string
}

// answers is for queries that depend on settings, fixed for those that do not.
// final makes answers of all that was emitted; nil if that is the same.
func answers[U any](name string, q func(*query.Events, query.Settings) *afflux.Stream[U], m func(*model.Input) []U, final func([]U) []U) plan {
	answer := func(rows []U) []string {
		if final != nil {
			rows = final(rows)
		}
		return lines(rows)
	}
	return plan{
		name: name,
		start: func(events *query.Events, in *model.Input, _ string) func() ([]string, error) {
			out := memory.Sink[U]()
			q(events, in.Settings).To("rows", out)
			return func() ([]string, error) { return answer(out.Values()), nil }
		},
		want: func(in *model.Input) []string { return lines(m(in)) },
		committed: func() outlet {
			out := memory.CommittedSink[U]()
			return outlet{
				add:  func(events *query.Events, in *model.Input) { q(events, in.Settings).To("rows", out) },
				rows: func() []string { return answer(out.Values()) },
			}
		},
	}
}

func fixed[U any](name string, q func(*query.Events) *afflux.Stream[U], m func(*model.Input) []U) plan {
	return answers(name, func(e *query.Events, _ query.Settings) *afflux.Stream[U] { return q(e) }, m, nil)
}

// changing is for queries whose rows replace those with the same key before.
func changing[U any, K comparable](name string, q func(*query.Events) *afflux.Stream[U], m func(*model.Input) []U, key func(*U) K) plan {
	return answers(name, func(e *query.Events, _ query.Settings) *afflux.Stream[U] { return q(e) }, m, last(key))
}

// daily is the key of rows of a day.
type daily[K comparable] struct {
	of  K
	day string
}

func slow(p plan) plan {
	p.slow = true
	return p
}

// last keeps the last row of each key.
func last[U any, K comparable](key func(*U) K) func([]U) []U {
	return func(all []U) (rows []U) {
		at := map[K]int{}
		for i := range all {
			k := key(&all[i])
			if j, ok := at[k]; ok {
				rows[j] = all[i]
				continue
			}
			at[k] = len(rows)
			rows = append(rows, all[i])
		}
		return rows
	}
}

// sums adds up the rows of each bidder.
func sums(all []schema.BidderBids) (rows []schema.BidderBids) {
	bids := map[int64]int64{}
	for _, r := range all {
		bids[r.Bidder] += r.Bids
	}
	for bidder, n := range bids {
		rows = append(rows, schema.BidderBids{Bidder: bidder, Bids: n})
	}
	return rows
}

// lines are rows in an order that makes two sets of them comparable.
func lines[U any](rows []U) []string {
	all := make([]string, len(rows))
	for i := range rows {
		b, err := json.Marshal(&rows[i])
		if err != nil {
			panic(err) // rows are plain data
		}
		all[i] = string(b)
	}
	slices.Sort(all)
	return all
}

// plans are all queries.
func plans() []plan {
	type pair [2]int64
	return []plan{
		fixed("q0", query.Q0, model.Q0),
		fixed("q1", query.Q1, model.Q1),
		fixed("q2", query.Q2, model.Q2),
		fixed("q3", query.Q3, model.Q3),
		answers("q4", query.Q4, model.Q4, last(func(r *schema.CategoryPrice) int64 { return r.Category })),
		answers("q5", query.Q5, model.Q5, nil),
		answers("q6", query.Q6, model.Q6, nil),
		answers("q7", query.Q7, model.Q7, nil),
		answers("q8", query.Q8, model.Q8, nil),
		answers("q9", query.Q9, model.Q9, nil),
		{name: "q10", start: startQ10, want: func(in *model.Input) []string { return lines(model.Q10(in)) }},
		answers("q11", query.Q11, model.Q11, nil),
		answers("q12", query.Q12, model.Q12, sums),
		{name: "q13", start: startQ13, want: func(in *model.Input) []string { return lines(model.Q13(in)) }},
		slow(fixed("q14", query.Q14, model.Q14)),
		slow(fixed("q15", query.Q15, model.Q15)),
		slow(changing("q16", query.Q16, model.Q16, func(r *schema.ChannelStatistics) daily[string] { return daily[string]{r.Channel, r.Day} })),
		slow(changing("q17", query.Q17, model.Q17, func(r *schema.AuctionStatistics) daily[int64] { return daily[int64]{r.Auction, r.Day} })),
		changing("q18", query.Q18, model.Q18, func(b *schema.Bid) pair { return pair{b.Bidder, b.Auction} }),
		changing("q19", query.Q19, model.Q19, func(r *schema.RankedBid) pair { return pair{r.Bid.Auction, int64(r.Rank)} }),
		fixed("q20", query.Q20, model.Q20),
		fixed("q21", query.Q21, model.Q21),
		fixed("q22", query.Q22, model.Q22),
		fixed("q23", query.Q23, model.Q23),
	}
}

// compare says how two sorted sets of rows differ, or nil.
func compare(got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	var errs []error
	const most = 3
	extra, missing := minus(got, want), minus(want, got)
	errs = append(errs, fmt.Errorf("%d rows, want %d: %d are wrong or too many, %d are missing", len(got), len(want), len(extra), len(missing)))
	for _, r := range extra[:min(len(extra), most)] {
		errs = append(errs, fmt.Errorf("not expected: %s", r))
	}
	for _, r := range missing[:min(len(missing), most)] {
		errs = append(errs, fmt.Errorf("missing: %s", r))
	}
	return errors.Join(errs...)
}

// minus are the rows of a that b does not have as often. Both are sorted.
func minus(a, b []string) (rest []string) {
	for len(a) > 0 {
		switch {
		case len(b) == 0 || a[0] < b[0]:
			rest = append(rest, a[0])
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return rest
}
