package diagnosis

import (
	"fmt"
	"testing"
)

// BenchmarkExamine looks at a job of 200 operators with 16 subtasks each, all
// joined by exchanges, with two minutes of samples: one without pressure, and one
// in which everybody presses everybody.
func BenchmarkExamine(b *testing.B) {
	for _, c := range []struct {
		name          string
		busy, blocked float64
	}{{"calm", 0.1, 0}, {"pressed", 0.95, 0.4}} {
		b.Run(c.name, func(b *testing.B) {
			own := make([]float64, 16)
			for i := range own {
				own[i] = c.busy
			}
			ops := []op{calmSource.with(steadily(0, 0))}
			var edges []edge
			for i := range 199 {
				ops = append(ops, op{name: fmt.Sprint("op", i), kind: "map", chain: 1 + i, own: own, in: 1000, out: 1000})
				edges = append(edges, edge{from: i * 3 / 4, to: i + 1, blocked: c.blocked})
			}
			samples := story(scene{seconds: 120, ops: ops, edges: edges, cpu: 1})
			for b.Loop() {
				Examine(samples)
			}
		})
	}
}
