package job_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/memory"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// TestDeadLettersWithoutASink: what is refused can be looked at, by either
// policy.
func TestDeadLettersWithoutASink(t *testing.T) {
	refuse := func(rest int) func() operator.Operator {
		return func() operator.Operator {
			return transform.NewTryUpdate(func(v *int) error {
				if *v%4 == rest {
					return fmt.Errorf("%d has the rest %d", *v, rest)
				}
				return nil
			})
		}
	}
	ints := event.TypeOf[int]()
	forward := func(from int) []graph.Input { return []graph.Input{{From: from, Partition: event.Forward}} }
	sink := memory.Sink[int]()
	j, err := job.New(job.Config{Name: "letters"}, []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Source: connector.DriveSource(memory.Source(numbers(100)))},
		{ID: 1, Name: "skip", Kind: "map", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Inputs: forward(0), Operator: refuse(1), OnError: operator.Skip},
		{ID: 2, Name: "letter", Kind: "map", Parallelism: 1, Letters: 1, Outputs: []event.Type{ints, event.TypeOf[event.DeadLetter]()}, Optional: []int{1}, Inputs: forward(1), Operator: refuse(2), OnError: operator.DeadLetter},
		{ID: 3, Name: "sink", Kind: "sink", Parallelism: 1, Letters: -1, Inputs: forward(2), Sink: connector.DriveSink(sink)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(); err != nil {
		t.Fatal(err)
	}
	got := j.DeadLetters()
	want := []metric.DeadLetterReason{{Operator: "letter", Reason: "N has the rest N", Count: 25}, {Operator: "skip", Reason: "N has the rest N", Count: 25}}
	if got.Total != 50 || len(got.Reasons) != 2 || got.Reasons[0] != want[0] || got.Reasons[1] != want[1] {
		t.Fatalf("%d in all: %+v", got.Total, got.Reasons)
	}
	if len(got.Last) != 50 {
		t.Fatalf("%d letters are kept", len(got.Last))
	}
	for _, d := range got.Last {
		rest := map[string]int{"skip": 1, "letter": 2}[d.Operator]
		if d.At.IsZero() || d.Reason != fmt.Sprintf("%s has the rest %d", d.Value, rest) {
			t.Errorf("got %+v", d)
		}
	}
}

// TestErrorOfARecord has the record in a part of its own.
func TestErrorOfARecord(t *testing.T) {
	ints := event.TypeOf[int]()
	refuse := func() operator.Operator {
		return transform.NewTryUpdate(func(v *int) error { return fmt.Errorf("no %s", "luck") })
	}
	j, err := job.New(job.Config{Name: "letters"}, []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Source: connector.DriveSource(memory.Source(numbers(100)))},
		{ID: 1, Name: "refuse", Kind: "map", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Inputs: []graph.Input{{From: 0, Partition: event.Forward}}, Operator: refuse},
		{ID: 2, Name: "sink", Kind: "sink", Parallelism: 1, Letters: -1, Inputs: []graph.Input{{From: 1, Partition: event.Forward}}, Sink: connector.DriveSink(memory.Sink[int]())},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(); err == nil {
		t.Fatal("it did not fail")
	}
	if s := j.Snapshot(); !strings.HasPrefix(s.ErrorRecord, "; the record was ") || !strings.HasSuffix(s.Error, "no luck"+s.ErrorRecord) {
		t.Errorf("%q of %q", s.ErrorRecord, s.Error)
	}
}
