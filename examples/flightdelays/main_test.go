package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector/file"
)

const (
	flights  = "../data/flights-100k.csv.gz"
	expected = "../data/flights-100k-hourly.csv.gz" // by DuckDB
)

// rows returns the lines of a text but its header, sorted.
func rows(t *testing.T, r io.Reader) []string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if lines[0] != "window_start,origin,flights,mean_delay,max_delay" {
		t.Fatalf("the header is %q", lines[0])
	}
	slices.Sort(lines[1:])
	return lines[1:]
}

func TestFlightDelays(t *testing.T) {
	f, err := os.Open(expected)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want := rows(t, z)
	if len(want) != 14_585 {
		t.Fatalf("%d rows are expected", len(want))
	}
	for _, parallelism := range []int{1, 2, 7} {
		t.Run(fmt.Sprint(parallelism), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hourly.csv")
			sink := file.Sink[Hour](path, file.CSV(codec.TimeLayouts(time.DateTime)))
			job := newJob(flights, sink)
			job.Set(afflux.OverrideParallelism(parallelism))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := job.Run(ctx); err != nil {
				t.Fatal(err)
			}
			parts, err := filepath.Glob(strings.TrimSuffix(path, ".csv") + "*.csv")
			if err != nil {
				t.Fatal(err)
			}
			if len(parts) != parallelism {
				t.Errorf("the sink wrote %d files, want %d", len(parts), parallelism)
			}
			var got []string
			for _, p := range parts {
				part, err := os.Open(p)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rows(t, part)...)
				_ = part.Close()
			}
			slices.Sort(got)
			if len(got) != len(want) {
				t.Fatalf("got %d rows, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("row %d: got %s, want %s", i+1, got[i], want[i])
				}
			}
		})
	}
}
