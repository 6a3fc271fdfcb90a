package terminal

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/internal/diagnosis"
	"github.com/affluxdev/afflux/internal/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at the difference, then run with -update\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestRender(t *testing.T) {
	finished := func(s int) *metric.Job {
		j := bounded(100)
		j.State = "finished"
		for i := range j.Operators {
			for k := range j.Operators[i].Subtasks {
				j.Operators[i].Subtasks[k].State = "finished"
			}
		}
		return j
	}
	failed := func(s int) *metric.Job {
		j := pressed(s)
		j.State, j.Restarts = "failed", 2
		j.Error = "sink hot-items: write \x1b[31mout.csv\n: no space left on device"
		return j
	}
	for _, c := range []struct {
		file          string
		of            func(int) *metric.Job
		width, height int
		colour        bool
	}{
		{"pressed-110.txt", pressed, 110, 40, false},
		{"pressed-80.txt", pressed, 80, 40, false},
		{"pressed-60.txt", pressed, 60, 40, false},
		{"pressed-40.txt", pressed, 40, 40, false},
		{"pressed-low.txt", pressed, 80, 12, false},
		{"pressed-colour.txt", pressed, 110, 40, true},
		{"bounded-80.txt", bounded, 80, 40, false},
		{"recovering-80.txt", recovering, 80, 40, false},
		{"finished-80.txt", finished, 80, 40, false},
		{"failed-80.txt", failed, 80, 40, false},
		{"checkpoints-80.txt", kept, 80, 40, false},
		{"checkpoints-failing-80.txt", stuck, 80, 40, false},
		{"checkpoints-failing-colour.txt", stuck, 110, 40, true},
		{"idle-80.txt", func(int) *metric.Job { return idle() }, 80, 40, false},
	} {
		t.Run(c.file, func(t *testing.T) {
			job, rates, finding := seen(c.of, 20)
			golden(t, c.file, Render(job, rates, finding, c.width, c.height, c.colour))
		})
	}
}

// TestRenderFits draws at every size: no line is too wide, no frame too high,
// and colour changes nothing but colour.
func TestRenderFits(t *testing.T) {
	for _, of := range []func(int) *metric.Job{pressed, bounded, recovering, kept, stuck} {
		job, rates, finding := seen(of, 20)
		for width := 20; width <= 160; width += 11 {
			for height := 4; height <= 30; height += 3 {
				plain := Render(job, rates, finding, width, height, false)
				lines := strings.Split(strings.TrimSuffix(plain, "\n"), "\n")
				if len(lines) > height {
					t.Fatalf("%d×%d: %d lines", width, height, len(lines))
				}
				coloured := strings.Split(strings.TrimSuffix(Render(job, rates, finding, width, height, true), "\n"), "\n")
				for i, l := range lines {
					if w := cells.StringWidth(l); w > width {
						t.Fatalf("%d×%d: line of %d cells: %q", width, height, w, l)
					}
					if strings.Contains(l, "\x1b") {
						t.Fatalf("control sequence without colour: %q", l)
					}
					// A painted last column keeps the spaces that fill it.
					if w := visibleWidth(coloured[i]); w < cells.StringWidth(l) || w > width {
						t.Fatalf("%d×%d: %d cells in colour: %q", width, height, w, coloured[i])
					}
				}
			}
		}
	}
}

func TestRenderOfAnEmptyJob(t *testing.T) {
	got := Render(&metric.Job{Name: "none", State: "created"}, metric.Rates{}, &diagnosis.Finding{Operator: "x"}, 0, 0, false)
	if !strings.HasPrefix(got, "none  created\n") {
		t.Errorf("%q", got)
	}
}

func TestFirstCheckpoint(t *testing.T) {
	for want, c := range map[string]metric.Checkpoints{
		"none yet":                             {},
		"none yet, restored from checkpoint 7": {Restored: &metric.Restored{ID: 7, Kind: "checkpoint"}},
		"the first is under way":               {InProgress: 1},
		"2 failed, none is complete: full":     {Failed: 2, FailedSince: 2, Failure: "full"},
	} {
		job := pressed(20)
		job.Checkpoints = &c
		got := Render(job, metric.Rates{}, nil, 80, 40, false)
		if !strings.Contains(got, "\ncheckpoints: "+want+"\n") {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	job, rates, finding := seen(pressed, 20)
	for b.Loop() {
		Render(job, rates, finding, 120, 40, true)
	}
}
