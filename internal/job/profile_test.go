package job_test

import (
	"bytes"
	"context"
	"math"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/google/pprof/profile"

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

// spin works on a number for a time that grows with n.
func spin(n int) func() operator.Operator {
	return func() operator.Operator {
		return transform.NewUpdate(func(v *int) {
			x := uint64(*v)
			for range n {
				x = x*6364136223846793005 + 1442695040888963407
			}
			*v = int(x >> 1)
		})
	}
}

// TestProfileSplitsChains: operators that are fused have their own parts of a
// CPU profile.
func TestProfileSplitsChains(t *testing.T) {
	ints := event.TypeOf[int]()
	forward := func(from int) []graph.Input { return []graph.Input{{From: from, Partition: event.Forward}} }
	j, err := job.New(job.Config{Name: "profile"}, []*graph.Node{
		{ID: 0, Name: "source", Kind: "source", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Source: connector.DriveSource(generator.Source(func(i int64, v *int) { *v = int(i) }))},
		{ID: 1, Name: "heavy", Kind: "map", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Inputs: forward(0), Operator: spin(3000)},
		{ID: 2, Name: "light", Kind: "map", Parallelism: 1, Letters: -1, Outputs: []event.Type{ints}, Inputs: forward(1), Operator: spin(1000)},
		{ID: 3, Name: "sink", Kind: "sink", Parallelism: 1, Letters: -1, Inputs: forward(2), Sink: connector.DriveSink(blackhole.Sink[int]())},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer metric.BeginProfiling()()
	if err := j.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { j.Cancel(); _ = j.Wait() }()
	// A second has about a hundred samples, from which the ratio is known to 0.7: it
	// takes some of them.
	var ratio float64
	shares := map[string]float64{}
	for range 20 {
		for name, n := range profiled(t, time.Second) {
			shares[name] += n
		}
		if shares["heavy"] < 10 || shares["light"] < 10 {
			continue
		}
		ratio = shares["heavy"] / shares["light"]
		if math.Abs(ratio-3) < 0.5 && shares["source"]+shares["sink"] < 0.2*shares["light"] {
			return
		}
	}
	t.Errorf("the operators' times are as %.2f to 1, not as 3 to 1", ratio)
}

// profiled returns the samples of each operator.
func profiled(t *testing.T, d time.Duration) map[string]float64 {
	var data bytes.Buffer
	if err := pprof.StartCPUProfile(&data); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), d)
	<-ctx.Done()
	stop()
	pprof.StopCPUProfile()
	p, err := profile.Parse(&data)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range p.Sample {
		for _, name := range s.Label[metric.ProfileLabel] {
			out[name] += float64(s.Value[0])
		}
	}
	return out
}
