package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// head is the first line of the matrix.
func head(w io.Writer) {
	fmt.Fprintf(w, "%-5s %-8s %3s %-9s %-42s %-10s %s\n", "", "graph", "p", "chained", "planted", "named", "also named")
}

// row prints what came out of a case.
func row(w io.Writer, o *outcome) {
	verdict, chain := "ok", "no"
	if !o.passed() {
		verdict = "WRONG"
	}
	if o.c.Chained {
		chain = "yes"
	}
	var planted, named []string
	for i, p := range o.c.Plants {
		planted = append(planted, p.At+": "+string(ways[p.How].cause)+" ("+p.How+")")
		if o.named[i] == 0 {
			named = append(named, "never")
		} else {
			named = append(named, fmt.Sprintf("%.1f s", o.named[i].Seconds()))
		}
	}
	if o.c.Well != "" {
		planted, named = []string{"nothing: " + o.c.Well}, []string{"-"}
	}
	also := slices.Clone(o.also)
	for _, s := range o.before {
		also = append(also, s+" while well")
	}
	if o.ahead != "" {
		also = append(also, o.ahead+" AHEAD")
	}
	if o.err != nil {
		also = append(also, "error: "+o.err.Error())
	}
	fmt.Fprintf(w, "%-5s %-8s %3d %-9s %-42s %-10s %s\n", verdict, o.c.Graph, o.c.Parallelism, chain,
		strings.Join(planted, " + "), strings.Join(named, ", "), strings.Join(also, ", "))
}

// explain prints what a wrong answer was made of.
func explain(w io.Writer, o *outcome) {
	fmt.Fprintf(w, "## %s\n", o.c.Name())
	for _, p := range o.c.Plants {
		fmt.Fprintf(w, "expected: %s: %s\n", p.At, ways[p.How].cause)
	}
	if len(o.evidence) == 0 {
		fmt.Fprintln(w, "named: nothing")
	}
	for _, f := range o.evidence {
		fmt.Fprintf(w, "named: %s [%d] %s (%s): %s\n", f.Operator, f.Subtask, f.Cause, f.Severity, f.Evidence)
	}
	fmt.Fprintln(w, o.numbers)
}

// numbers are those of the last two samples.
func numbers(s *metric.Sampler) string {
	job, rates := s.Latest()
	if job == nil {
		return ""
	}
	var b strings.Builder
	p := job.Process
	if all := s.Samples(); len(all) > 1 {
		before := all[len(all)-2]
		took := rates.Interval.Seconds()
		fmt.Fprintf(&b, "process: %.2f of %d processors, %.2f by the collector, heap %d MB\n",
			(p.CPU-before.Process.CPU).Seconds()/took, p.Processors, (p.GC-before.Process.GC).Seconds()/took, p.HeapBytes>>20)
	}
	names := map[int]string{}
	for _, o := range rates.Operators {
		names[o.Operator.ID] = o.Operator.Name
		fmt.Fprintf(&b, "%-10s chain %d p%d: busy %.2f idle %.2f blocked %.2f own %.2f max %.2f external %.2f in %.0f out %.0f",
			o.Operator.Name, o.Operator.Chain, o.Operator.Parallelism, o.Busy, o.Idle, o.Blocked, o.Own, o.MaxOwn, o.External, o.In, o.Out)
		if o.Lag >= 0 {
			fmt.Fprintf(&b, " lag %.0f growing %.0f", o.Lag, o.LagGrowth)
		}
		var state time.Duration
		var calls, callLimit, splits int64
		for _, t := range o.Operator.Subtasks {
			state += t.StateTime
			calls, callLimit, splits = calls+t.Calls, callLimit+t.CallLimit, splits+t.Splits
		}
		fmt.Fprintf(&b, " state %v calls %d of %d splits %d counters %v\n", state, calls, callLimit, splits, o.CounterRates)
	}
	for _, e := range rates.Edges {
		if e.Edge.Kind != "chained" {
			fmt.Fprintf(&b, "%s -> %s: blocked %.2f\n", names[e.Edge.From], names[e.Edge.To], e.Blocked)
		}
	}
	if c := job.Checkpoints; c != nil {
		fmt.Fprintf(&b, "checkpoints: %+v\n", *c)
	}
	return b.String()
}
