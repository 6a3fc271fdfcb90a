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

	job.Checkpoints = kept(100).Checkpoints
	golden(t, "summary-checkpoints.txt", Summarize(job).Table())
	job.Checkpoints = nil

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
