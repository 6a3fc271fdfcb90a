package job_test

import (
	"fmt"
	"testing"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/internal/job"
	"github.com/affluxdev/afflux/internal/metric"
	"github.com/affluxdev/afflux/internal/transform"
	"github.com/affluxdev/afflux/operator"
)

// BenchmarkSnapshot reads a job of 200 operators with 16 subtasks each, and
// computes its rates. Every tenth arrow is an exchange of 16 by 16 channels.
func BenchmarkSnapshot(b *testing.B) {
	const operators, parallelism = 200, 16
	ints := event.TypeOf[int]()
	nodes := []*graph.Node{{ID: 0, Name: "source", Kind: "source", Parallelism: parallelism, Letters: -1, Outputs: []event.Type{ints},
		Source: connector.DriveSource(generator.Source(func(i int64, v *int) { *v = int(i) }, generator.Rate(generator.Constant(1000))))}}
	for i := 1; i < operators-1; i++ {
		p := event.Forward
		if i%10 == 0 {
			p = event.Rebalance
		}
		nodes = append(nodes, &graph.Node{ID: i, Name: fmt.Sprint("op", i), Kind: "map", Parallelism: parallelism, Letters: -1, Outputs: []event.Type{ints},
			Inputs:   []graph.Input{{From: i - 1, Partition: p}},
			Operator: func() operator.Operator { return transform.NewUpdate(func(v *int) { *v++ }) }})
	}
	nodes = append(nodes, &graph.Node{ID: operators - 1, Name: "sink", Kind: "sink", Parallelism: parallelism, Letters: -1,
		Inputs: []graph.Input{{From: operators - 2, Partition: event.Forward}}, Sink: connector.DriveSink(blackhole.Sink[int]())})
	j, err := job.New(job.Config{Name: "large"}, nodes)
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { j.Cancel(); _ = j.Wait() }()
	before := j.Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		now := j.Snapshot()
		if r := metric.Between(before, now); len(r.Operators) != operators {
			b.Fatalf("%d operators", len(r.Operators))
		}
		before = now
	}
}
