package check

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/bench/nexmark/model"
	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
)

// startQ10 writes files, and reads them back.
func startQ10(events *query.Events, _ *model.Input, dir string) func() ([]string, error) {
	query.Q10(events).To("files", query.LogFiles(dir))
	return func() ([]string, error) {
		names, err := filepath.Glob(filepath.Join(dir, "dt=*", "hm=*", "part-*.csv"))
		if err != nil {
			return nil, err
		}
		var rows []schema.LoggedBid
		for _, name := range names {
			some, err := readLog(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rows = append(rows, some...)
		}
		return lines(rows), nil
	}
}

// readLog reads a file of q10, whose place has to be that of its rows.
func readLog(name string) (rows []schema.LoggedBid, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	hour := filepath.Dir(name)
	for _, r := range all {
		if len(r) != 7 {
			return nil, fmt.Errorf("a row has %d columns", len(r))
		}
		b := schema.LoggedBid{Extra: r[4], Day: r[5], Minute: r[6]}
		for i, n := range []*int64{&b.Auction, &b.Bidder, &b.Price, &b.DateTime} {
			if *n, err = strconv.ParseInt(r[i], 10, 64); err != nil {
				return nil, err
			}
		}
		if filepath.Base(hour) != "hm="+b.Minute || filepath.Base(filepath.Dir(hour)) != "dt="+b.Day {
			return nil, fmt.Errorf("a bid of %s %s is in this file", b.Day, b.Minute)
		}
		rows = append(rows, b)
	}
	return rows, nil
}

// startQ13 joins with the table of the model.
func startQ13(events *query.Events, in *model.Input, _ string) func() ([]string, error) {
	table := afflux.From(events.Job(), "table", memory.Source(in.Sides)).
		EventTime(func(*schema.Side) event.Time { return 0 }, afflux.InOrder())
	out := memory.Sink[schema.BidWithSide]()
	query.Q13(events, table).To("rows", out)
	return func() ([]string, error) { return lines(out.Values()), nil }
}

// sides is a table for q13 in which a third of the keys are missing.
func sides() (all []schema.Side) {
	for k := range int64(10_000) {
		if k%3 != 0 {
			all = append(all, schema.Side{Key: k, Value: fmt.Sprintf("value %d", k)})
		}
	}
	return all
}
