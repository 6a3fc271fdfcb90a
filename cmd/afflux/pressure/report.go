package pressure

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

// Case is what was measured of one way to run the job.
type Case struct {
	Name string `json:"name"`
	// HeldBytes were in flight before the first checkpoint.
	HeldBytes int64 `json:"held_bytes"`
	// Durations are from the first barrier until all was stored and committed.
	Durations []time.Duration `json:"durations_ns"`
	// The largest among the subtasks of each checkpoint.
	StartDelays []time.Duration `json:"start_delays_ns"`
	Alignments  []time.Duration `json:"alignments_ns"`
	Syncs       []time.Duration `json:"syncs_ns"`
	Writes      []time.Duration `json:"writes_ns"`
	// Operators are the same of each operator.
	Operators []Operator `json:"operators"`
	// Persisted are the bytes of records in flight in each checkpoint.
	Persisted []int64 `json:"persisted_bytes"`
	// Goal of the median, 0 for none; WithoutWrite if the time to encode and write
	// does not count, which is the stop and the write: of records in flight, the stop
	// is the time to encode them.
	Goal         time.Duration `json:"goal_ns,omitempty"`
	WithoutWrite bool          `json:"goal_without_write,omitempty"`
}

// Operator is one operator of the job.
type Operator struct {
	Name        string          `json:"name"`
	StartDelays []time.Duration `json:"start_delays_ns"`
	Alignments  []time.Duration `json:"alignments_ns"`
}

// add takes what a snapshot tells of the last checkpoint.
func (c *Case) add(j *metric.Job) {
	k := j.Checkpoints.Last
	for i := range j.Operators {
		o := &j.Operators[i]
		if i == len(c.Operators) {
			c.Operators = append(c.Operators, Operator{Name: o.Name})
		}
		var worst metric.Barrier
		for _, s := range o.Subtasks {
			if b := s.Barrier; b != nil {
				worst.StartDelay, worst.Alignment = max(worst.StartDelay, b.StartDelay), max(worst.Alignment, b.Alignment)
			}
		}
		c.Operators[i].StartDelays = append(c.Operators[i].StartDelays, worst.StartDelay)
		c.Operators[i].Alignments = append(c.Operators[i].Alignments, worst.Alignment)
	}
	c.Durations = append(c.Durations, k.Duration)
	c.StartDelays = append(c.StartDelays, k.MaxStartDelay)
	c.Alignments = append(c.Alignments, k.MaxAlignment)
	c.Syncs = append(c.Syncs, k.MaxSync)
	c.Writes = append(c.Writes, k.MaxAsync)
	c.Persisted = append(c.Persisted, k.InFlight)
}

// median of what is not empty.
func median[N int64 | time.Duration](list []N) N {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// judged is the median that the goal is about.
func (c *Case) judged() time.Duration {
	if !c.WithoutWrite {
		return median(c.Durations)
	}
	rest := make([]time.Duration, len(c.Durations))
	for i, d := range c.Durations {
		rest[i] = max(d-c.Writes[i]-c.Syncs[i], 0)
	}
	return median(rest)
}

// Print writes the result as a table.
func (r *Result) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "median of\t\theld\tduration\t(longest)\tstart delay\talignment\tstop\twrite\tpersisted\tgoal\t")
	for i := range r.Cases {
		c := &r.Cases[i]
		goal := "-"
		if c.Goal > 0 {
			goal = fmt.Sprintf("%s of %s", ms(c.judged()), ms(c.Goal))
			if c.WithoutWrite {
				goal += " without stop and write"
			}
			if c.judged() > c.Goal {
				goal += ": missed"
			}
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", len(c.Durations), c.Name, metric.FormatBytes(c.HeldBytes),
			ms(median(c.Durations)), ms(slices.Max(c.Durations)), ms(median(c.StartDelays)), ms(median(c.Alignments)),
			ms(median(c.Syncs)), ms(median(c.Writes)), metric.FormatBytes(median(c.Persisted)), goal)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nstart delay + alignment of each operator:")
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range r.Cases {
		fmt.Fprintf(w, "%s\t", r.Cases[i].Name)
		for _, o := range r.Cases[i].Operators {
			fmt.Fprintf(w, "%s %s + %s\t", o.Name, ms(median(o.StartDelays)), ms(median(o.Alignments)))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, `
Two exchanges, and a sink that takes a fixed number of records a second. Start
delay, alignment, stop and write are the largest among the subtasks. Held is what
was in flight before; persisted the part of a checkpoint that are records in
flight which barriers overtook.
`)
	return err
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
