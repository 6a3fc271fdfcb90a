package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/affluxdev/afflux/event"
)

// Defaults of a job.
type Defaults struct {
	// Parallelism of keyed operators and of sources that can have it.
	Parallelism int
	// Override replaces the parallelism of every operator that the user did
	// not mark; 0 keeps Parallelism.
	Override int
	// NoChaining gives every operator a task of its own.
	NoChaining bool
}

// Plan is what runs.
type Plan struct {
	Nodes []*Node
	// Parallelism of each node, resolved.
	Parallelism []int
	// Chains are the tasks in topological order.
	Chains []Chain
	// ChainOf is the chain of each node.
	ChainOf []int
}

// Chain is a run of nodes fused into one task.
type Chain struct {
	ID          int
	Parallelism int
	// Nodes in the order of the records; the first may be a source.
	Nodes []int
	// In and Out are the edges to other chains.
	In, Out []Edge
}

// Edge is an arrow between two chains.
type Edge struct {
	ID       int
	From, To int // nodes
	Output   int // output of From
	Port     int // input of To
	Index    int // of the arrow in the inputs of To
	Input    Input
	Type     event.Type
}

// Build resolves parallelism, checks the plan and fuses what can be fused.
func Build(nodes []*Node, d Defaults) (*Plan, error) {
	if len(nodes) == 0 {
		return nil, fmt.Errorf("the job has no source: begin it with From")
	}
	nodes, err := combine(nodes, d)
	if err != nil {
		return nil, err
	}
	if err := check(nodes); err != nil {
		return nil, err
	}
	p := &Plan{Nodes: nodes, Parallelism: make([]int, len(nodes)), ChainOf: make([]int, len(nodes))}
	if err := p.resolve(d); err != nil {
		return nil, err
	}
	if err := p.checkOrder(); err != nil {
		return nil, err
	}
	p.fuse(d)
	p.connect()
	return p, nil
}

func check(nodes []*Node) error {
	names := map[string]bool{}
	read := map[[2]int]bool{}
	for _, n := range nodes {
		if n.Name == "" {
			return fmt.Errorf("a %s has no name: every operator needs one, since its state and metrics are found by it", n.Kind)
		}
		if names[n.Name] {
			return fmt.Errorf("two operators are called %q: names must be unique in a job", n.Name)
		}
		names[n.Name] = true
		for _, in := range n.Inputs {
			read[[2]int{in.From, in.Output}] = true
		}
	}
	for _, n := range nodes {
		for i := range n.Outputs {
			if !read[[2]int{n.ID, i}] && !slices.Contains(n.Optional, i) && i != n.Letters {
				return unread(n, i)
			}
		}
		if n.Align != nil && n.EventTime == nil {
			return fmt.Errorf("%q is aligned with others in event time, but has no event times: call EventTime or Watermarks after From", n.Name)
		}
		if n.NeedsWatermarks && !timed(nodes, n) {
			return fmt.Errorf("%q goes by event time, but its input has no event times: call EventTime or Watermarks after From", n.Name)
		}
	}
	return nil
}

func unread(n *Node, output int) error {
	if len(n.Outputs) > 1 && output > 0 || n.Kind == "split" {
		return fmt.Errorf("nothing reads output %d of %q: end it with To, since its records would be lost", output, n.Name)
	}
	return fmt.Errorf("nothing reads the output of %q: end it with To, or leave it out", n.Name)
}

// timed tells whether every path from a source to n assigns event times.
func timed(nodes []*Node, n *Node) bool {
	if n.EventTime != nil {
		return true
	}
	if len(n.Inputs) == 0 {
		return false
	}
	for _, in := range n.Inputs {
		if !timed(nodes, nodes[in.From]) {
			return false
		}
	}
	return true
}

func (p *Plan) resolve(d Defaults) error {
	def := max(1, d.Parallelism)
	if d.Override > 0 {
		def = d.Override
	}
	for i, n := range p.Nodes {
		want, limit := n.Parallelism, 0
		switch {
		case n.Source != nil:
			limit = n.Source.Describe().MaxParallelism
		case n.Sink != nil:
			limit = n.Sink.Describe().MaxParallelism
		}
		if want > 0 && limit > 0 && want > limit {
			return fmt.Errorf("%q cannot have parallelism %d: it has work for %d at most", n.Name, want, limit)
		}
		if want == 0 {
			want = def
			if n.Source == nil && !n.Keyed {
				want = p.inherited(n)
			}
			if limit > 0 {
				want = min(want, limit)
			}
		}
		if n.Keyed && want > event.KeyGroups {
			return fmt.Errorf("%q cannot have parallelism %d: keys are divided into %d groups", n.Name, want, event.KeyGroups)
		}
		p.Parallelism[i] = want
	}
	return nil
}

// inherited is the largest parallelism of the inputs, so that forward edges
// stay forward.
func (p *Plan) inherited(n *Node) int {
	most := 1
	for _, in := range n.Inputs {
		most = max(most, p.Parallelism[in.From])
	}
	return most
}

// fuse gives each node a chain: that of its input where one forward arrow,
// which nobody else reads, joins equals.
func (p *Plan) fuse(d Defaults) {
	readers := map[[2]int]int{}
	for _, n := range p.Nodes {
		for _, in := range n.Inputs {
			readers[[2]int{in.From, in.Output}]++
		}
	}
	for i, n := range p.Nodes {
		if len(n.Inputs) == 1 && !n.Unchained && !d.NoChaining {
			in := n.Inputs[0]
			// Side outputs leave a chain by an exchange, so that a chain is a line.
			if in.Partition == event.Forward && in.Output == 0 && readers[[2]int{in.From, 0}] == 1 && p.Parallelism[in.From] == p.Parallelism[i] && p.last(in.From) {
				c := p.ChainOf[in.From]
				p.ChainOf[i] = c
				p.Chains[c].Nodes = append(p.Chains[c].Nodes, i)
				continue
			}
		}
		p.ChainOf[i] = len(p.Chains)
		p.Chains = append(p.Chains, Chain{ID: len(p.Chains), Parallelism: p.Parallelism[i], Nodes: []int{i}})
	}
}

func (p *Plan) last(node int) bool {
	c := p.Chains[p.ChainOf[node]].Nodes
	return c[len(c)-1] == node
}

// connect makes an edge of every arrow that is not inside of a chain. A
// forward arrow between unequal parallelisms deals records out in turn.
func (p *Plan) connect() {
	id := 0
	for i, n := range p.Nodes {
		for k, in := range n.Inputs {
			if p.Fused(in, i) {
				continue
			}
			if in.Partition == event.Forward && p.Parallelism[in.From] != p.Parallelism[i] {
				in.Partition = event.Rebalance
			}
			e := Edge{ID: id, From: in.From, To: i, Output: in.Output, Port: in.Port, Index: k, Input: in, Type: p.Nodes[in.From].Outputs[in.Output]}
			id++
			from, to := p.ChainOf[in.From], p.ChainOf[i]
			p.Chains[from].Out = append(p.Chains[from].Out, e)
			p.Chains[to].In = append(p.Chains[to].In, e)
		}
	}
}

// Fused tells whether an arrow runs inside of a chain.
func (p *Plan) Fused(in Input, to int) bool {
	if p.ChainOf[in.From] != p.ChainOf[to] {
		return false
	}
	nodes := p.Chains[p.ChainOf[to]].Nodes
	for k := 1; k < len(nodes); k++ {
		if nodes[k] == to {
			return nodes[k-1] == in.From && in.Output == 0
		}
	}
	return false
}

// InputName is the stable name of an arrow: that of input i of a node. Arrows
// between the same two ends are numbered.
func (p *Plan) InputName(node, i int) string {
	n := p.Nodes[node]
	in := n.Inputs[i]
	name := fmt.Sprintf("%s.%d>%s.%d", p.Nodes[in.From].Name, in.Output, n.Name, in.Port)
	same := 0
	for _, o := range n.Inputs[:i] {
		if o.From == in.From && o.Output == in.Output && o.Port == in.Port {
			same++
		}
	}
	if same > 0 {
		name += fmt.Sprintf("#%d", same)
	}
	return name
}

// ArrowName is InputName of the arrow that an edge is.
func (p *Plan) ArrowName(e Edge) string {
	return p.InputName(e.To, e.Index)
}

// TaskName is the name of a chain: its operators joined. It is unique in a plan.
func (p *Plan) TaskName(chain int) string {
	names := make([]string, len(p.Chains[chain].Nodes))
	for i, n := range p.Chains[chain].Nodes {
		names[i] = p.Nodes[n].Name
	}
	return strings.Join(names, " -> ")
}
