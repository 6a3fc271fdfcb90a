package job

import (
	"testing"
	"time"

	"github.com/affluxdev/afflux/internal/checkpoint"
)

// TestLedger follows three attempts: the first fails while a checkpoint is being
// written, the second while one is being committed, the third is stopped.
func TestLedger(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	record := func(id int64, phase string, ended int, written bool) checkpoint.Record {
		r := checkpoint.Record{ID: id, Phase: phase, Began: at(int(id) * 10)}
		if ended > 0 {
			r.Ended = at(ended)
		}
		if written {
			r.Written = r.Began.Add(time.Second)
		}
		return r
	}
	l := &ledger{}
	first := record(1, "complete", 12, true)
	first.Bytes, first.InFlight = 100, 40
	first.Subtasks = []checkpoint.SubtaskRecord{
		{Subtask: checkpoint.Subtask{Task: "a"}, Metrics: checkpoint.Metrics{StartDelay: 1, Alignment: 20, Sync: 3}},
		{Subtask: checkpoint.Subtask{Task: "a", Index: 1}, Metrics: checkpoint.Metrics{StartDelay: 10, Alignment: 2, Sync: 30}},
	}
	l.update([]checkpoint.Record{record(1, "writing", 0, false)})
	if s, _ := l.read(); s.InProgress != 1 || s.Last != nil {
		t.Errorf("%+v", s)
	}
	aborted := record(2, "aborted", 25, false)
	aborted.Reason = "too slow"
	l.update([]checkpoint.Record{record(3, "writing", 0, false), aborted, first})
	l.update([]checkpoint.Record{record(3, "writing", 0, false), aborted, first}) // again
	s, parts := l.read()
	if s.Completed != 1 || s.Failed != 1 || s.InProgress != 1 || s.FailedSince != 1 || s.Failure != "too slow" {
		t.Errorf("%+v", s)
	}
	if c := s.Last; c.ID != 1 || c.Duration != 2*time.Second || c.Bytes != 100 || c.InFlight != 40 || c.MaxStartDelay != 10 || c.MaxAlignment != 20 || c.MaxSync != 30 {
		t.Errorf("%+v", c)
	}
	if p := parts[checkpoint.Subtask{Task: "a", Index: 1}]; p == nil || p.StartDelay != 10 || p.Alignment != 2 {
		t.Errorf("%+v", p)
	}
	l.close(at(40), true)
	l.close(at(41), true) // nothing is under way
	l.restored(&checkpoint.Manifest{ID: 1, Time: at(10)}, at(42), at(45))
	l.update([]checkpoint.Record{record(4, "committing", 0, true)})
	l.close(at(50), true)
	s, _ = l.read()
	if s.Completed != 2 || s.Failed != 2 || s.InProgress != 0 || s.FailedSince != 0 || s.Failure != "" || s.Last.ID != 4 {
		t.Errorf("%+v", s)
	}
	if r := s.Restored; r == nil || r.ID != 1 || r.Duration != 3*time.Second || !r.Taken.Equal(at(10)) {
		t.Errorf("%+v", r)
	}
	var phases []string
	for i, r := range l.history() {
		phases = append(phases, r.Phase)
		if r.ID != int64(4-i) {
			t.Errorf("checkpoint %d at place %d", r.ID, i)
		}
	}
	if got := len(phases); got != 4 || phases[0] != "complete" || phases[1] != "aborted" {
		t.Errorf("%v", phases)
	}
	for id := int64(5); id < 100; id++ {
		l.update([]checkpoint.Record{record(id, "complete", int(id)*10+1, true)})
	}
	if n := len(l.history()); n != remembered {
		t.Errorf("%d are remembered", n)
	}
	before, _ := l.read()
	l.update([]checkpoint.Record{record(100, "writing", 0, false)})
	l.close(at(1001), false)
	after, _ := l.read()
	if after.Failed != before.Failed || after.FailedSince != 0 || after.InProgress != 0 {
		t.Errorf("one that was under way when the job was stopped: %+v", after)
	}
	if r := l.history()[0]; r.ID != 99 {
		t.Errorf("%+v", r)
	}
}
