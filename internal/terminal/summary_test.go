package terminal

import (
	"encoding/json"
	"testing"

	"github.com/affluxdev/afflux/internal/metric"
)

func TestSummary(t *testing.T) {
	job := pressed(100)
	job.State, job.Restarts = "finished", 1
	for i := range job.Operators {
		if job.Operators[i].Kind == "source" {
			job.Operators[i].Outside = "kafka clicks"
		}
	}
	golden(t, "summary.txt", Summarize(job).Table())
	text, err := json.MarshalIndent(Summarize(job), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.json", string(text)+"\n")

	job.Operators = append(job.Operators, metric.Operator{
		Name: "rejects", Kind: "sink", Outside: "file out/rejects.csv", Subtasks: []metric.Subtask{{RecordsIn: 1_234_567}},
	})
	job.State, job.Error = "failed", "disk full"
	golden(t, "summary-failed.txt", Summarize(job).Table())
}

func TestSummaryOfNothing(t *testing.T) {
	s := Summarize(&metric.Job{Name: "none", State: "created"})
	text, err := json.Marshal(s)
	if err != nil || s.Seconds != 0 || s.Table() == "" {
		t.Fatal(err, s)
	}
	if want := `"sources":[],"sinks":[]}`; string(text[len(text)-len(want):]) != want {
		t.Errorf("%s", text)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1 000", 123456: "123 456", 1234567: "1 234 567", -1234: "-1 234", -123: "-123",
	} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}
