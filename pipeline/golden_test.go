package pipeline

import (
	goflag "flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = goflag.Bool("rewrite", false, "rewrite the expected messages in testdata/errors")

// nothing is an environment without variables.
func nothing(string) (string, bool) { return "", false }

// TestMessages compares everything that is reported for each wrong pipeline
// with what is written beside it.
func TestMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pipelines in testdata/errors: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(filepath.Base(path), data, Options{Lookup: nothing})
			if err == nil {
				t.Fatal("no problem is reported")
			}
			got := err.Error() + "\n"
			expected := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *rewrite {
				if err := os.WriteFile(expected, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(expected)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("reported:\n%s\nexpected:\n%s", got, want)
			}
		})
	}
}
