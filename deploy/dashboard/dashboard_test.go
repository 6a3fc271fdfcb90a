package dashboard

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write deploy/grafana/dashboard.json anew")

// TestFile holds the file to the table.
func TestFile(t *testing.T) {
	const path = "../grafana/dashboard.json"
	want, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the table makes: run go test ./deploy/dashboard -update", path)
	}
}

// TestLayout finds charts that overlap or have more limits than colors.
func TestLayout(t *testing.T) {
	for _, r := range rows {
		x := 0
		for _, c := range r.charts {
			if x += c.width; x > columns {
				x = c.width
			}
			if c.width < 1 || c.width > columns || len(c.limits) > 2 || len(c.queries) == 0 || c.title == "" {
				t.Errorf("row %s, chart %q: width %d, %d limits, %d queries", r.title, c.title, c.width, len(c.limits), len(c.queries))
			}
		}
		if x != columns {
			t.Errorf("the last line of row %s is %d of %d columns wide", r.title, x, columns)
		}
	}
}
