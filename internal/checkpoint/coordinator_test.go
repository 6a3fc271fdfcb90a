package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func newCoordinator(t *testing.T, cfg Config, tasks ...Task) *Coordinator {
	t.Helper()
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCoordinator(cfg, tasks, r, 1, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestManifestOfParts puts what subtasks acknowledge under the operators that it
// belongs to.
func TestManifestOfParts(t *testing.T) {
	c := newCoordinator(t, Config{Job: "orders", KeyGroups: 128, Tolerated: -1},
		Task{Name: "read", Parallelism: 2, Operators: []string{"orders", "parse"}},
		Task{Name: "count", Parallelism: 1, Operators: []string{"count", "write"}, Inputs: []Input{{Task: "read"}}})
	c.Finished(epoch, Subtask{"read", 0}, Part{Operators: []OperatorPart{{"orders", SubtaskState{Splits: []Split{{"p0", []byte("end")}}}}}})
	c.Trigger(epoch.Add(time.Second), Checkpoint)
	c.Acknowledge(epoch.Add(2*time.Second), Acknowledgement{Subtask: Subtask{"read", 1}, ID: 1, Metrics: Metrics{Bytes: 5},
		Part: Part{Operators: []OperatorPart{{"orders", SubtaskState{Splits: []Split{{"p1", []byte("17")}}}}}}})
	f := File{FileName(Checkpoint, 1, "count-0"), fileSize(100), 1}
	r := Range{File: f.Name, Length: 100}
	flight := InFlight{Edge: "parse-count", From: 1, Range: r}
	out := c.Acknowledge(epoch.Add(3*time.Second), Acknowledgement{Subtask: Subtask{"count", 0}, ID: 1, Metrics: Metrics{Bytes: 120, InFlight: 20, Alignment: time.Second},
		Part: Part{Files: []File{f}, InFlight: []InFlight{flight}, Operators: []OperatorPart{
			{"write", SubtaskState{Prepared: [][]byte{[]byte("t")}}}, {"count", SubtaskState{Keyed: []Keyed{{"n", 0, 127, r}}}}}}})
	want := &Manifest{Job: "orders", ID: 1, Time: epoch.Add(time.Second), KeyGroups: 128, Files: []File{f}, InFlight: []InFlight{flight}, Operators: []Operator{
		{"orders", 2, []SubtaskState{{Finished: true, Splits: []Split{{"p0", []byte("end")}}}, {Index: 1, Splits: []Split{{"p1", []byte("17")}}}}},
		{"parse", 2, []SubtaskState{{Finished: true}}},
		{"count", 1, []SubtaskState{{Keyed: []Keyed{{"n", 0, 127, r}}}}},
		{"write", 1, []SubtaskState{{Prepared: [][]byte{[]byte("t")}}}},
	}}
	if len(out) != 1 {
		t.Fatalf("decided was %q", lines(out))
	}
	if got := out[0].(WriteManifest).Manifest; !reflect.DeepEqual(got, want) {
		t.Errorf("the manifest is\n%+v\nnot\n%+v", got, want)
	}
	h := c.History()
	if len(h) != 1 || h[0].Bytes != 125 || h[0].InFlight != 20 || h[0].Expected != 2 || len(h[0].Subtasks) != 2 ||
		h[0].Subtasks[1] != (SubtaskRecord{Subtask{"count", 0}, 2 * time.Second, Metrics{Bytes: 120, InFlight: 20, Alignment: time.Second}}) {
		t.Errorf("history: %+v", h)
	}
}

// TestPartsThatContradict give the checkpoint up, and name who it was.
func TestPartsThatContradict(t *testing.T) {
	f := File{FileName(Checkpoint, 1, "f"), fileSize(10), 1}
	other := f
	other.Size = fileSize(11)
	for want, parts := range map[string][2]Part{
		`read/1 has state of an operator "x"`: {1: {Operators: []OperatorPart{{Operator: "x"}}}},
		"which is not among its files":        {1: {Operators: []OperatorPart{{"read", SubtaskState{Keyed: []Keyed{{Range: Range{File: "f"}}}}}}}},
		"read/1 has a file":                   {{Files: []File{f}}, {Files: []File{other}}},
		"cannot belong to checkpoint 1":       {1: {Files: []File{{FileName(Savepoint, 1, "f"), fileSize(10), 1}}}},
	} {
		c := newCoordinator(t, Config{KeyGroups: 1}, Task{Name: "read", Parallelism: 2, Operators: []string{"read"}})
		c.Trigger(epoch, Checkpoint)
		c.Acknowledge(epoch, Acknowledgement{Subtask: Subtask{"read", 0}, ID: 1, Part: parts[0]})
		out := c.Acknowledge(epoch, Acknowledgement{Subtask: Subtask{"read", 1}, ID: 1, Part: parts[1]})
		if abort, ok := out[0].(Abort); !ok || !strings.Contains(abort.Reason, want) {
			t.Errorf("%q: decided was %q", want, lines(out))
		}
	}
}

// TestHistoryIsBounded and newest first.
func TestHistoryIsBounded(t *testing.T) {
	c := newCoordinator(t, Config{Tolerated: -1, History: 3, KeyGroups: 1}, Task{Name: "read", Parallelism: 1})
	for id := int64(1); id <= 5; id++ {
		c.Trigger(epoch, Checkpoint)
		c.Decline(epoch, Decline{Subtask: Subtask{"read", 0}, ID: id, Reason: "no"})
	}
	c.Trigger(epoch, Checkpoint)
	var ids []int64
	for _, r := range c.History() {
		ids = append(ids, r.ID)
	}
	if want := []int64{6, 5, 4, 3}; !reflect.DeepEqual(ids, want) {
		t.Errorf("history of %d, not %d", ids, want)
	}
}

// TestNewCoordinatorRefuses tasks that make no sense, and ids that were used.
func TestNewCoordinatorRefuses(t *testing.T) {
	r, err := NewRegistry(&Manifest{ID: 7, Kind: Savepoint})
	if err != nil {
		t.Fatal(err)
	}
	a := Task{Name: "a", Parallelism: 2, Operators: []string{"x"}}
	for want, tasks := range map[string][]Task{
		"the parallelism of task \"a\" is 0": {{Name: "a"}},
		"two tasks are named \"a\"":          {a, {Name: "a", Parallelism: 1}},
		"two operators are named \"x\"":      {a, {Name: "b", Parallelism: 1, Operators: []string{"x"}}},
		"not listed before it":               {{Name: "b", Parallelism: 1, Inputs: []Input{{Task: "a"}}}},
		"one to one":                         {a, {Name: "b", Parallelism: 1, Inputs: []Input{{Task: "a", Forward: true}}}},
		"would be 7, but there is":           {a},
	} {
		if _, err := NewCoordinator(Config{}, tasks, r, 7, epoch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestAnotherWriter fails the job, and leaves the other's manifest and all files
// alone.
func TestAnotherWriter(t *testing.T) {
	c := newCoordinator(t, Config{Tolerated: -1, KeyGroups: 1}, Task{Name: "read", Parallelism: 1})
	f := File{FileName(Checkpoint, 1, "f"), fileSize(10), 1}
	a := Acknowledgement{Subtask: Subtask{"read", 0}, ID: 1, Part: Part{Files: []File{f}}}
	c.Trigger(epoch, Checkpoint)
	c.Acknowledge(epoch, a)
	out := c.ManifestWritten(epoch, 1, fmt.Errorf("create: %w", ErrExists))
	if len(out) != 1 || !strings.HasPrefix(out[0].String(), "fail the job: the manifest of checkpoint 1 is there already") {
		t.Errorf("decided was %q", lines(out))
	}
	if out := c.Acknowledge(epoch, a); len(out) > 0 {
		t.Errorf("afterwards %q", lines(out))
	}
}

// TestSuperseded fails the job for good, and leaves everything to the process that
// goes on: before its manifest is written, and when it is to be withdrawn.
func TestSuperseded(t *testing.T) {
	lost := fmt.Errorf("in a bucket: %w", ErrSuperseded)
	for _, withdraw := range []bool{false, true} {
		c := newCoordinator(t, Config{Tolerated: -1, KeyGroups: 1}, Task{Name: "read", Parallelism: 1})
		f := File{FileName(Checkpoint, 1, "f"), fileSize(10), 1}
		c.Trigger(epoch, Checkpoint)
		c.Acknowledge(epoch, Acknowledgement{Subtask: Subtask{"read", 0}, ID: 1, Part: Part{Files: []File{f}}})
		var out []Decision
		if withdraw {
			if out = c.ManifestWritten(epoch, 1, io.ErrUnexpectedEOF); len(out) != 1 {
				t.Errorf("decided was %q", lines(out))
			}
			out = c.Withdrawn(epoch, 1, lost)
		} else {
			out = c.ManifestWritten(epoch, 1, lost)
		}
		if len(out) != 1 {
			t.Fatalf("decided was %q", lines(out))
		}
		if d, ok := out[0].(FailJob); !ok || !errors.Is(d.Superseded, ErrSuperseded) {
			t.Errorf("decided was %q", lines(out))
		}
	}
}
