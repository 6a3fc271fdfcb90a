package graph

import (
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
)

// draft is a plan under construction: each method adds a node with one output
// and returns its number.
type draft struct{ nodes []*Node }

func (d *draft) add(n *Node, parallelism int, in ...Input) int {
	n.ID, n.Parallelism, n.Inputs, n.Letters = len(d.nodes), parallelism, in, -1
	n.Outputs, n.Optional = []event.Type{event.TypeOf[int]()}, []int{0}
	d.nodes = append(d.nodes, n)
	return n.ID
}

func (d *draft) source(name string, parallelism int) int {
	return d.add(&Node{Name: name, Kind: "source"}, parallelism)
}

func (d *draft) plain(name string, parallelism int, in ...Input) int {
	return d.add(&Node{Name: name, Kind: "map"}, parallelism, in...)
}

func (d *draft) keyed(name string, parallelism int, from int) int {
	return d.add(&Node{Name: name, Kind: "window", Keyed: true}, parallelism, arrow(from, event.Hash))
}

// needy adds a keyed node that needs the order of its inputs, one for each port.
func (d *draft) needy(from ...int) *Node {
	n := &Node{Name: "totals", Kind: "reduce", Keyed: true, Order: Order{Needs: "counts"}}
	var in []Input
	for port, id := range from {
		a := arrow(id, event.Hash)
		a.Port = port
		in = append(in, a)
	}
	d.add(n, 3, in...)
	return n
}

func arrow(from int, p event.Partition) Input { return Input{From: from, Partition: p} }
func forward(from int) Input                  { return arrow(from, event.Forward) }

func TestOrder(t *testing.T) {
	for name, c := range map[string]struct {
		build func(d *draft)
		want  []string // parts of the error; none: accepted
	}{
		"straight from a source": {build: func(d *draft) { d.needy(d.source("in", 2)) }},
		"through equals":         {build: func(d *draft) { d.needy(d.plain("parse", 2, forward(d.source("in", 2)))) }},
		"inherited parallelism":  {build: func(d *draft) { d.needy(d.plain("parse", 0, forward(d.source("in", 2)))) }},
		"gathered in one":        {build: func(d *draft) { d.needy(d.plain("parse", 1, forward(d.source("in", 2)))) }},
		"spread": {
			func(d *draft) { d.needy(d.plain("parse", 4, forward(d.source("in", 1)))) },
			[]string{`"totals" counts, but`, `"in" has 1 subtask and "parse" has 4`, "the same Parallelism for both", `on "totals" with AnyOrder() (in YAML any_order: true)`},
		},
		"spread further up": {
			func(d *draft) { d.needy(d.plain("mend", 4, forward(d.plain("parse", 4, forward(d.source("in", 2)))))) },
			[]string{`"in" has 2 subtasks and "parse" has 4`},
		},
		"spread, then gathered": {
			func(d *draft) { d.needy(d.plain("mend", 1, forward(d.plain("parse", 4, forward(d.source("in", 1)))))) },
			[]string{`"in" has 1 subtask and "parse" has 4`},
		},
		"dealt out": {
			func(d *draft) { d.needy(d.plain("parse", 2, arrow(d.source("in", 2), event.Rebalance))) },
			[]string{`Rebalance deals out what "in" sends to the 2 subtasks of "parse"`, "PartitionBy"},
		},
		"dealt out to one": {build: func(d *draft) { d.needy(d.plain("parse", 1, arrow(d.source("in", 2), event.Rebalance))) }},
		"partitioned by the user": {build: func(d *draft) {
			d.needy(d.plain("parse", 4, arrow(d.source("in", 1), event.Custom)))
		}},
		"broadcast": {build: func(d *draft) { d.needy(d.plain("parse", 4, arrow(d.source("in", 1), event.Broadcast))) }},
		"dealt out ahead of a partition of the user": {
			func(d *draft) {
				d.needy(d.plain("mend", 4, arrow(d.plain("parse", 3, forward(d.source("in", 1))), event.Custom)))
			},
			[]string{`"in" has 1 subtask and "parse" has 3`},
		},
		"dealt out ahead of a keyed operator": {build: func(d *draft) {
			d.needy(d.plain("mend", 3, forward(d.keyed("window", 3, d.plain("parse", 4, forward(d.source("in", 1)))))))
		}},
		"dealt out behind a keyed operator": {
			func(d *draft) { d.needy(d.plain("mend", 2, forward(d.keyed("window", 3, d.source("in", 1))))) },
			[]string{`"window" has 3 subtasks and "mend" has 2`},
		},
		"an unordered operator": {
			func(d *draft) {
				n := d.plain("ask", 1, forward(d.source("in", 1)))
				d.nodes[n].Order.Breaks = "Unordered()"
				d.needy(n)
			},
			[]string{`"ask" has Unordered()`, `"ask" without Unordered()`},
		},
		"an unordered operator ahead of a keyed one": {build: func(d *draft) {
			n := d.plain("ask", 1, forward(d.source("in", 1)))
			d.nodes[n].Order.Breaks = "Unordered()"
			d.needy(d.keyed("window", 3, n))
		}},
		"a union of sources": {build: func(d *draft) { d.needy(d.plain("both", 2, forward(d.source("a", 2)), forward(d.source("b", 2)))) }},
		"a union of unequal sources": {
			func(d *draft) { d.needy(d.plain("both", 0, forward(d.source("a", 2)), forward(d.source("b", 1)))) },
			[]string{`"b" has 1 subtask and "both" has 2`},
		},
		"branches that meet": {
			func(d *draft) {
				in := d.source("in", 1)
				d.needy(d.plain("both", 1, forward(d.plain("left", 1, forward(in))), forward(d.plain("right", 1, forward(in)))))
			},
			[]string{`what "in" sends goes more than one way`},
		},
		"branches that do not meet": {build: func(d *draft) {
			in := d.source("in", 1)
			d.needy(d.plain("left", 1, forward(in)), d.plain("right", 1, forward(in)))
		}},
		"the second input": {
			func(d *draft) { d.needy(d.source("a", 1), d.plain("parse", 4, forward(d.source("b", 1)))) },
			[]string{`"b" has 1 subtask and "parse" has 4`},
		},
		"what an operator on the way knows": {build: func(d *draft) {
			rules := arrow(d.plain("rules", 4, forward(d.source("b", 1))), event.Broadcast)
			rules.Port = 1
			d.needy(d.plain("judge", 2, forward(d.source("a", 2)), rules))
		}},
		"any order": {build: func(d *draft) {
			d.needy(d.plain("parse", 4, forward(d.source("in", 1)))).Order.Any = true
		}},
		"a node that needs none": {build: func(d *draft) { d.keyed("window", 3, d.plain("parse", 4, forward(d.source("in", 1)))) }},
	} {
		t.Run(name, func(t *testing.T) {
			var d draft
			c.build(&d)
			_, err := Build(d.nodes, Defaults{Parallelism: 3})
			if len(c.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
		})
	}
}
