package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/graph"
	"github.com/affluxdev/afflux/operator"
)

// windowed is a plan of a source, a split with two outputs, a window with late
// records on the first, and a sink; more adds to it.
func windowed(more func(nodes []*graph.Node) []*graph.Node) []*graph.Node {
	number := event.TypeOf[int]()
	hash := func(event.Batch) {}
	nodes := []*graph.Node{
		{Name: "source", Outputs: []event.Type{number}, EventTime: &graph.EventTime{}, Letters: -1},
		{Name: "split", Inputs: []graph.Input{{From: 0}}, Outputs: []event.Type{number, number}, Optional: []int{1}, Letters: -1},
		{Name: "count", Keyed: true, Inputs: []graph.Input{{From: 1, Partition: event.Hash, Hasher: hash}},
			Outputs: []event.Type{number, number}, Optional: []int{1}, NeedsWatermarks: true, Letters: -1,
			Combine: &graph.Combiner{Suffix: " (combine)", Input: graph.Input{From: 1}, Commutative: true, Partial: number, Hasher: hash,
				Operator: func(bool) operator.Operator { return nil }}},
		{Name: "out", Inputs: []graph.Input{{From: 2}}, Letters: -1},
	}
	if more != nil {
		nodes = more(nodes)
	}
	for i, n := range nodes {
		n.ID = i
	}
	return nodes
}

// reader adds a sink that reads an output.
func reader(node, output int) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node {
		return append(nodes, &graph.Node{Name: fmt.Sprint("reader of ", node), Inputs: []graph.Input{{From: node, Output: output}}, Letters: -1})
	}
}

func set(f func(n *graph.Node)) func([]*graph.Node) []*graph.Node {
	return func(nodes []*graph.Node) []*graph.Node { f(nodes[2]); return nodes }
}

func TestCombinersArePlacedWhereTheyCostNoTask(t *testing.T) {
	for name, c := range map[string]struct {
		more     func([]*graph.Node) []*graph.Node
		defaults graph.Defaults
		want     bool
		err      string
	}{
		"fused":                 {want: true},
		"two readers":           {more: reader(1, 0)},
		"another output read":   {more: reader(1, 1), want: true},
		"late records read":     {more: reader(2, 1)},
		"no chaining":           {defaults: graph.Defaults{NoChaining: true}},
		"not commutative":       {more: set(func(n *graph.Node) { n.Combine.Commutative = false })},
		"side output":           {more: set(func(n *graph.Node) { n.Inputs[0].Output, n.Combine.Input.Output = 1, 1 }), err: `nothing reads`},
		"never":                 {more: set(func(n *graph.Node) { n.PreAggregate = graph.Never })},
		"always":                {more: set(func(n *graph.Node) { n.PreAggregate, n.Combine.Commutative = graph.Always, false }), defaults: graph.Defaults{NoChaining: true}, want: true},
		"always, without one":   {more: set(func(n *graph.Node) { n.PreAggregate, n.Combine = graph.Always, nil }), err: `"count" cannot pre-aggregate`},
		"always, and late":      {more: func(n []*graph.Node) []*graph.Node { n[2].PreAggregate = graph.Always; return reader(2, 1)(n) }, err: `the late records of "count" are read`},
		"salted, whoever reads": {more: func(n []*graph.Node) []*graph.Node { n[2].Combine.Input.Partition = event.Hash; return reader(1, 0)(n) }, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			given := windowed(c.more)
			c.defaults.Parallelism = 3
			p, err := graph.Build(given, c.defaults)
			if c.err != "" || err != nil {
				if err == nil || c.err == "" || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			byName := map[string]*graph.Node{}
			for i, n := range p.Nodes {
				if n.ID != i {
					t.Errorf("%q is number %d in place %d", n.Name, n.ID, i)
				}
				for _, in := range n.Inputs {
					if in.From >= i {
						t.Errorf("%q comes before its input %d", n.Name, in.From)
					}
				}
				byName[n.Name] = n
			}
			made, count := byName["count (combine)"], byName["count"]
			if (made != nil) != c.want {
				t.Fatalf("combiner: %v, want %v", made != nil, c.want)
			}
			if made == nil {
				if len(count.Inputs) != 1 || count.Inputs[0].From != byName["split"].ID {
					t.Errorf("inputs %+v", count.Inputs)
				}
				return
			}
			if len(count.Inputs) != 2 || count.Inputs[0].From != made.ID || count.Inputs[1].From != made.ID || count.Inputs[1].Output != 1 || count.Inputs[1].Port != 1 {
				t.Errorf("inputs %+v", count.Inputs)
			}
			if made.Inputs[0].From != byName["split"].ID || byName["out"].Inputs[0].From != count.ID {
				t.Errorf("combiner reads %d, sink reads %d", made.Inputs[0].From, byName["out"].Inputs[0].From)
			}
			if len(given[2].Inputs) != 1 || given[3].Inputs[0].From != 2 {
				t.Error("the nodes that were given have changed")
			}
		})
	}
}

// TestFoldable has which nodes may still be told to divide or fold their records.
func TestFoldable(t *testing.T) {
	for name, c := range map[string]struct {
		more           func([]*graph.Node) []*graph.Node
		salted, always bool
	}{
		"by default":         {salted: true, always: true},
		"never folded":       {more: set(func(n *graph.Node) { n.PreAggregate = graph.Never }), salted: true, always: true},
		"always folded":      {more: set(func(n *graph.Node) { n.PreAggregate = graph.Always }), salted: true},
		"salted":             {more: set(func(n *graph.Node) { n.Combine.Input.Partition = event.Hash })},
		"without a combiner": {more: set(func(n *graph.Node) { n.Combine = nil })},
		"late read":          {more: reader(2, 1)},
	} {
		p, err := graph.Build(windowed(c.more), graph.Defaults{Parallelism: 3})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, n := range p.Nodes {
			salted, always := p.Foldable(id)
			if n.Name != "count" && (salted || always) || n.Name == "count" && (salted != c.salted || always != c.always) {
				t.Errorf("%s: %q: %v, %v", name, n.Name, salted, always)
			}
		}
	}
}
