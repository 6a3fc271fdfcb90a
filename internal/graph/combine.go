package graph

import (
	"fmt"
	"slices"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/operator"
)

// PreAggregation says whether records are folded into partial results ahead of
// the arrow that leads to a node.
type PreAggregation uint8

const (
	// WherePays leaves it to the plan and to the operator.
	WherePays PreAggregation = iota
	// Always folds them.
	Always
	// Never sends each record.
	Never
)

// Combiner describes the operator that folds records ahead of a keyed input.
// It has two outputs: records as they came, which go to port 0 of the node, and
// partial results, which go to port 1.
type Combiner struct {
	// Suffix is added to the name of the node.
	Suffix string
	// Input is the arrow to the combiner. A forward one is drawn only where it
	// does not leave the task, unless pre-aggregation is asked for. A keyed one
	// always is: its combiner is a task of its own that always combines.
	Input Input
	// Commutative tells that the order of records does not change results.
	// Others are combined only if that is asked for.
	Commutative bool
	// Partial is the type of partial results, and Hasher fills their key hashes.
	Partial event.Type
	Hasher  func(event.Batch)
	// Operator makes the operator of one subtask; always, if it must not decide
	// by itself whether combining pays.
	Operator func(always bool) operator.Operator
}

// combine puts combiners in their places and numbers the nodes again. The nodes
// that it is given stay as they are.
func combine(nodes []*Node, d Defaults) ([]*Node, error) {
	readers := map[[2]int]int{}
	for _, n := range nodes {
		for _, in := range n.Inputs {
			readers[[2]int{in.From, in.Output}]++
		}
	}
	out := make([]*Node, 0, len(nodes))
	ids := make([]int, len(nodes))
	for i, old := range nodes {
		if old.PreAggregate == Always && old.Combine == nil {
			return nil, fmt.Errorf("%q cannot pre-aggregate: Aggregate and Reduce of windows of event time can, if a window has one result", old.Name)
		}
		n := *old
		n.Inputs = append([]Input(nil), old.Inputs...)
		for k := range n.Inputs {
			n.Inputs[k].From = ids[n.Inputs[k].From]
		}
		yes, err := combines(old, readers, d)
		if err != nil {
			return nil, err
		}
		if yes {
			c := combinerOf(&n, out)
			out = append(out, c)
			n.Inputs = append(n.Inputs, Input{From: c.ID, Output: 1, Port: 1, Partition: event.Hash, Hasher: n.Combine.Hasher})
			n.Inputs[0].From, n.Inputs[0].Output = c.ID, 0
			if c.Keyed {
				n.Inputs[0].KeyText = nil // only records that could not be folded
			}
		}
		n.ID = len(out)
		ids[i] = n.ID
		out = append(out, &n)
	}
	return out, nil
}

// combines tells whether a node gets its combiner.
func combines(n *Node, readers map[[2]int]int, d Defaults) (bool, error) {
	c := n.Combine
	if c == nil {
		return false, nil
	}
	salted := c.Input.Partition == event.Hash
	asked := salted || n.PreAggregate == Always
	for _, side := range n.Optional {
		if readers[[2]int{n.ID, side}] == 0 {
			continue
		}
		if asked {
			return false, fmt.Errorf("the late records of %q are read, but it folds records ahead of the exchange, where they are merged with others: leave out Late, or Salted and PreAggregate", n.Name)
		}
		return false, nil
	}
	if asked || n.PreAggregate == Never {
		return asked, nil
	}
	// A task of its own would cost more than it could save.
	in := c.Input
	return c.Commutative && !d.NoChaining && in.Output == 0 && readers[[2]int{in.From, 0}] == 1, nil
}

// combinerOf makes the combiner of n, whose only input has its new number.
// before are the nodes ahead of it.
func combinerOf(n *Node, before []*Node) *Node {
	c := n.Combine
	in := c.Input
	in.From = n.Inputs[0].From
	salted := in.Partition == event.Hash
	always := salted || n.PreAggregate == Always
	made := &Node{
		ID: len(before), Name: n.Name + c.Suffix, Kind: "combine", Inputs: []Input{in}, Letters: -1,
		Outputs:  []event.Type{before[in.From].Outputs[in.Output], c.Partial},
		Operator: func() operator.Operator { return c.Operator(always) },
	}
	if salted {
		made.Keyed, made.Parallelism = true, n.Parallelism
	}
	return made
}

// Foldable tells whether the user may still ask that the records of a key be divided
// ahead of a node of the plan (Salted), or be always folded (PreAggregate).
func (p *Plan) Foldable(id int) (salted, always bool) {
	n := p.Nodes[id]
	if n.Combine == nil || n.Combine.Input.Partition == event.Hash {
		return false, false
	}
	for _, reader := range p.Nodes {
		for _, in := range reader.Inputs {
			if in.From == id && slices.Contains(n.Optional, in.Output) {
				return false, false
			}
		}
	}
	return true, n.PreAggregate != Always
}
