package graph

import (
	"fmt"

	"github.com/affluxdev/afflux/event"
)

// Order is what a node has to do with the order of its records. Records of one
// key and one split of a source, or of one key and one subtask of a keyed node,
// keep theirs, unless something on the way lets them overtake each other.
type Order struct {
	// Needs says, after the name of the node, why its results depend on that
	// order; it is empty if they do not.
	Needs string
	// Any is set by the user: the order does not matter all the same.
	Any bool
	// Breaks names what makes the node itself change the order; it is empty if
	// nothing does.
	Breaks string
}

// checkOrder rejects a plan in which records reach a node that needs their order
// in another one. Partitions of the user's own count as keeping it.
func (p *Plan) checkOrder() error {
	for i, n := range p.Nodes {
		if n.Order.Needs == "" || n.Order.Any {
			continue
		}
		for _, in := range n.Inputs {
			o := overtaking{p, map[int]bool{}}
			if b := o.arrow(in, i); b != nil {
				return fmt.Errorf("%q %s, but records of a key can overtake each other on their way to it: %s. Mend that with %s; or, if the order does not matter to you, say so on %q with AnyOrder() (in YAML any_order: true)",
					n.Name, n.Order.Needs, b.how, b.remedy, n.Name)
			}
		}
	}
	return nil
}

// overtaking looks for the place where records can overtake each other, from
// one input of a node upstream.
type overtaking struct {
	p    *Plan
	seen map[int]bool
}

// broken is such a place.
type broken struct{ how, remedy string }

// arrow follows an arrow up to the sources or keyed nodes that it comes from.
func (o overtaking) arrow(in Input, to int) *broken {
	p := o.p
	from, subtasks := p.Nodes[in.From], p.Parallelism[to]
	switch {
	case subtasks == 1:
	case in.Partition == event.Rebalance:
		return &broken{
			fmt.Sprintf("Rebalance deals out what %q sends to the %d subtasks of %q in turn", from.Name, subtasks, p.Nodes[to].Name),
			"PartitionBy by that key in place of Rebalance",
		}
	case in.Partition == event.Forward && p.Parallelism[in.From] != subtasks:
		return &broken{
			fmt.Sprintf("%q has %s and %q has %d, so records are dealt out in turn", from.Name, plural(p.Parallelism[in.From]), p.Nodes[to].Name, subtasks),
			"the same Parallelism for both, or PartitionBy by that key between them",
		}
	}
	if from.Keyed {
		return nil
	}
	if o.seen[in.From] {
		return &broken{
			fmt.Sprintf("what %q sends goes more than one way, and the ways meet again", from.Name),
			"one way for all records of a key",
		}
	}
	o.seen[in.From] = true
	if from.Order.Breaks != "" {
		return &broken{
			fmt.Sprintf("%q has %s", from.Name, from.Order.Breaks),
			fmt.Sprintf("%q without %s", from.Name, from.Order.Breaks),
		}
	}
	for _, up := range from.Inputs {
		if up.Port > 0 {
			continue // what it knows, not what it passes on
		}
		if b := o.arrow(up, in.From); b != nil {
			return b
		}
	}
	return nil
}

func plural(subtasks int) string {
	if subtasks == 1 {
		return "1 subtask"
	}
	return fmt.Sprintf("%d subtasks", subtasks)
}
