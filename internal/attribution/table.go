package main

import (
	"fmt"
	"strings"
)

// Case is a row of the table: a job in which bottlenecks are planted.
type Case struct {
	Graph       string
	Parallelism int
	Chained     bool
	// Plants are the operators that become bottlenecks, and how. A case without
	// any is of a job that is well.
	Plants []Plant
	// Well names a job that is well, by the name in healthy.
	Well string
}

// Plant is a bottleneck to be: the operator, and the name of one of ways.
type Plant struct{ At, How string }

// Name tells cases apart.
func (c *Case) Name() string {
	if c.Well != "" {
		return "healthy/" + strings.ReplaceAll(c.Well, " ", "-")
	}
	var b strings.Builder
	chained := "unchained"
	if c.Chained {
		chained = "chained"
	}
	fmt.Fprintf(&b, "%s/p%d/%s", c.Graph, c.Parallelism, chained)
	for _, p := range c.Plants {
		fmt.Fprintf(&b, "/%s-%s", p.At, strings.ReplaceAll(p.How, " ", "-"))
	}
	return b.String()
}

// heavy tells whether the case needs the machine for itself.
func (c *Case) heavy() bool {
	for _, p := range c.Plants {
		if w := ways[p.How]; w != nil && w.heavy {
			return true
		}
	}
	return c.Well != "" && healthy[c.Well].heavy
}

// Chaining of a row.
const (
	chained   = true
	unchained = false
)

// one is a case with one bottleneck.
func one(graph string, parallelism int, chained bool, at, how string) Case {
	return Case{Graph: graph, Parallelism: parallelism, Chained: chained, Plants: []Plant{{at, how}}}
}

// both is a case with two bottlenecks at once, which both must be named.
func both(graph string, parallelism int, chained bool, a, b Plant) Case {
	return Case{Graph: graph, Parallelism: parallelism, Chained: chained, Plants: []Plant{a, b}}
}

// table holds the cases in which something is planted.
var table = []Case{
	one("chain", 1, unchained, "first", "cpu"),
	one("chain", 1, chained, "middle", "cpu"),
	one("chain", 2, unchained, "last", "cpu"),
	one("behind", 1, chained, "first", "cpu"),
	one("behind", 4, chained, "last", "cpu"),
	one("behind", 8, unchained, "middle", "cpu"),
	one("chain", 1, unchained, "sink", "cpu"),
	one("diamond", 1, unchained, "left", "cpu"),
	one("diamond", 2, chained, "after", "cpu"),
	one("join", 1, unchained, "right", "cpu"),
	one("join", 2, chained, "join", "cpu"),
	one("windows", 2, chained, "window", "cpu"),
	one("fan-out", 1, unchained, "b", "cpu"),

	one("chain", 1, unchained, "first", "calls"),
	one("chain", 4, chained, "middle", "calls"),
	one("behind", 8, chained, "last", "calls"),
	one("diamond", 2, unchained, "right", "calls"),
	one("join", 4, chained, "left", "bulk"),
	one("join", 1, unchained, "after", "lookup"),
	one("fan-out", 2, chained, "c", "bulk"),
	one("behind", 2, chained, "middle", "waits"),
	one("diamond", 4, unchained, "before", "waits"),

	one("chain", 1, chained, "last", "429"),
	one("behind", 4, unchained, "first", "429"),
	one("behind", 2, chained, "middle", "later"),
	one("diamond", 1, chained, "left", "breaker"),
	one("keyed", 2, unchained, "after", "breaker"),

	one("keyed", 1, unchained, "keyed", "disk"),
	one("keyed", 4, chained, "keyed", "disk"),
	one("chain", 2, unchained, "middle", "disk"),
	one("keyed", 2, unchained, "keyed", "table"),
	one("windows", 1, chained, "window", "table"),

	one("keyed", 4, unchained, "keyed", "hot"),
	one("windows", 8, chained, "window", "hot"),
	one("keyed", 4, chained, "keyed", "hot calls"),
	one("chain", 2, unchained, "last", "hot calls"),

	one("chain", 1, unchained, "sink", "posts"),
	one("chain", 8, chained, "sink", "presses"),
	one("diamond", 4, chained, "sink", "presses"),
	one("fan-out", 1, chained, "a-sink", "presses"),
	one("windows", 2, unchained, "before", "429"),

	one("chain", 1, unchained, "source", "decode"),
	one("chain", 2, chained, "source", "fetch"),
	one("join", 1, unchained, "orders", "fetch"),
	one("chain", 4, unchained, "source", "splits"),
	one("fan-out", 4, chained, "source", "splits"),
	one("chain", 1, chained, "source", "silence"),

	one("chain", 1, unchained, "source", "kafka"),
	one("behind", 4, chained, "source", "kafka one"),
	one("chain", 2, unchained, "source", "expiry"),
	one("windows", 4, chained, "source", "backlog"),

	one("keyed", 2, unchained, "keyed", "no store"),
	one("keyed", 1, chained, "keyed", "slow"),
	both("chain", 1, unchained, Plant{"last", "calls"}, Plant{"last", "barriers"}),

	both("fan-out", 1, unchained, Plant{"b", "calls"}, Plant{"b", "branch"}),
	both("fan-out", 4, chained, Plant{"c-sink", "presses"}, Plant{"c-sink", "branch"}),

	one("chain", 1, unchained, "middle", "garbage"),
	one("behind", 2, chained, "first", "garbage"),

	both("lines", 1, unchained, Plant{"score", "calls"}, Plant{"ledger", "presses"}),
	both("lines", 2, chained, Plant{"parse", "cpu"}, Plant{"price", "429"}),
	both("join", 2, unchained, Plant{"left", "calls"}, Plant{"right", "breaker"}),
	both("lines", 1, chained, Plant{"clicks", "fetch"}, Plant{"price", "calls"}),
	both("chain", 2, unchained, Plant{"source", "expires"}, Plant{"sink", "presses"}),
	both("lines", 2, unchained, Plant{"check", "waits"}, Plant{"score", "hot calls"}),
}

// wells are the healthy jobs, in the order in which they are run.
func wells() []Case {
	var out []Case
	for _, name := range healthyNames {
		h := healthy[name]
		out = append(out, Case{Graph: h.graph, Parallelism: h.parallelism, Chained: h.chained, Well: name})
	}
	return out
}
