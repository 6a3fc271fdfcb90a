package file

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"testing"
	"time"
)

const flights = "../../examples/data/flights-100k.csv.gz"

// TestFlights compares the sample data with what encoding/csv reads.
func TestFlights(t *testing.T) {
	got, rejected, err := readAll(Source[flight](flights))
	if err != nil || len(rejected) > 0 {
		t.Fatalf("%d rows were rejected, %v", len(rejected), err)
	}
	f, err := os.Open(flights)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want = want[1:]; len(got) != len(want) || len(got) != 100_000 {
		t.Fatalf("got %d records, encoding/csv reads %d", len(got), len(want))
	}
	for i, v := range got {
		again := []string{v.Date.Format(time.DateTime), strconv.Itoa(v.Delay), strconv.Itoa(v.Distance), v.Origin, v.Destination}
		for c := range again {
			if again[c] != want[i][c] {
				t.Fatalf("row %d: got %q, want %q", i+1, again, want[i])
			}
		}
	}
}
