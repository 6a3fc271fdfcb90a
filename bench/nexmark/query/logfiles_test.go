package query_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/affluxdev/afflux/bench/nexmark/query"
	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/connectortest"
	"github.com/affluxdev/afflux/event"
)

// logged is bid k, in one of more minutes than files may be open.
func logged(k int) schema.LoggedBid {
	return schema.LoggedBid{Auction: int64(k), Bidder: 7, Price: 100, DateTime: int64(k), Extra: "a,\"b\n", Day: "2015-07-15", Minute: fmt.Sprintf("12:%02d", k%40)}
}

// written reads all that has its final name.
func written(tb testing.TB, dir string) (rows []schema.LoggedBid) {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "dt=2015-07-15", "hm=*", "part-*.csv"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		text, err := os.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		all, err := csv.NewReader(text).ReadAll()
		if err != nil {
			tb.Fatal(err)
		}
		if err := text.Close(); err != nil {
			tb.Fatal(err)
		}
		for _, r := range all {
			k, err := strconv.Atoi(r[0])
			if err != nil {
				tb.Fatal(err)
			}
			if want := logged(k); r[4] != want.Extra || r[6] != want.Minute || filepath.Base(filepath.Dir(name)) != "hm="+r[6] {
				tb.Errorf("%s has %q", name, r)
			}
			rows = append(rows, logged(k))
		}
	}
	return rows
}

func TestLogFiles(t *testing.T) {
	connectortest.TestSink(t, connectortest.Sink[schema.LoggedBid]{
		New: func(tb testing.TB) (connector.Sink[schema.LoggedBid], func(testing.TB) []schema.LoggedBid) {
			dir := tb.TempDir()
			return query.LogFiles(dir), func(tb testing.TB) []schema.LoggedBid { return written(tb, dir) }
		},
		Record: logged,
		Key:    func(b *schema.LoggedBid) int { return int(b.Auction) },
		Atomic: true,
	})
}

// TestLogFilesOfAFailure leaves nothing behind that looks complete.
func TestLogFilesOfAFailure(t *testing.T) {
	dir := t.TempDir()
	w, err := query.LogFiles(dir).Open(context.Background(), connector.Subtask{Parallelism: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewRecords[schema.LoggedBid](100)
	for k := range 100 {
		b.Append(logged(k), 0)
	}
	if n, err := w.Write(b, 0); n != 100 || err != nil {
		t.Fatal(n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	})
	if files > 0 || err != nil {
		t.Errorf("%d files are left, %v", files, err)
	}
}
