package diagnosis

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux/internal/metric"
)

// sourceBound is the finding of a source that falls behind by itself.
func sourceBound(o *metric.OperatorRate, lag string) Finding {
	f := Finding{Operator: o.Operator.Name, Subtask: -1, Cause: Source, Severity: Warning}
	n := subtasks(o)
	works, waits := max(o.Own-o.External, 0), o.Idle+o.External
	f.Evidence = sentence(lag, "nothing presses it", fmt.Sprintf("works %s and waits for data %s of the time", percent(works), percent(waits)))
	f.Avoid = "scaling later operators: they have time to spare"
	parallel := fmt.Sprintf("raise Parallelism on %q (in YAML parallelism, now %d)", f.Operator, n)
	if s := splitsOf(o); s >= 0 && s <= int64(n) {
		parallel = fmt.Sprintf("give %s more partitions (it has %d) and raise Parallelism on %q with them (in YAML parallelism, now %d)",
			outsideName(o, "the input"), s, f.Operator, n)
	} else if s > 0 {
		parallel += fmt.Sprintf(", up to its %d splits", s)
	}
	switch {
	case waits <= works:
		f.Remedy = "decode less or with a cheaper codec, or " + parallel
	case strings.HasPrefix(o.Operator.Outside, "kafka "):
		f.Remedy = fmt.Sprintf("fetch more at a time from %s: kafka.FetchMaxBytes, kafka.PartitionMaxBytes, kafka.ConcurrentFetches and kafka.Buffer "+
			"(in YAML fetch_max_bytes, partition_max_bytes, concurrent_fetches, buffer), and look at the network and the brokers' quotas; or %s", o.Operator.Outside, parallel)
	default:
		f.Remedy = fmt.Sprintf("fetch more at a time from %s, or look at the network to it; or %s", outsideName(o, "the outside"), parallel)
	}
	return f
}

// splitsOf sums the splits of a source, -1 when they are not known.
func splitsOf(o *metric.OperatorRate) (n int64) {
	for i := range o.Operator.Subtasks {
		s := &o.Operator.Subtasks[i]
		if s.Splits < 0 {
			return -1
		}
		n += s.Splits
	}
	return n
}

// splitsMissing is how many subtasks of a source have no split while others have
// some. Those that have read all of theirs do not count.
func splitsMissing(o *metric.OperatorRate) (n int) {
	if splitsOf(o) <= 0 {
		return 0
	}
	for i := range o.Operator.Subtasks {
		if s := &o.Operator.Subtasks[i]; s.Splits == 0 && s.State != "finished" && (s.RecordsOut == 0 || !o.Operator.Bounded) {
			n++
		}
	}
	return n
}

// splits is the finding of a source with idle subtasks.
func splits(o *metric.OperatorRate) Finding {
	n := subtasks(o)
	return Finding{
		Operator: o.Operator.Name, Subtask: -1, Cause: Splits,
		Evidence: fmt.Sprintf("nothing to read for %d of %d subtasks: %s has %s", splitsMissing(o), n, outsideName(o, "the input"), numbered(splitsOf(o), "split", "splits")),
		Remedy: fmt.Sprintf("give %s more partitions, or divide the records after the source: put Rebalance() before the operators that take the time (in YAML give them another parallelism than %q)",
			outsideName(o, "the input"), o.Operator.Name),
		Avoid: fmt.Sprintf("raising Parallelism on %q: a split is read by one subtask", o.Operator.Name),
	}
}

// numbered is a number with what there is so many of.
func numbered(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// stuckFor is how long a source may read nothing, in seconds, although there is
// a lag: transactions of others come all at once.
const stuckFor = 20

// silentFor is how many intervals in a row a source must have had nothing.
const silentFor = window - 1

// silent is the finding of a source that reads nothing.
func (p *period) silent(t *trend) (Finding, bool) {
	o := t.source
	f := Finding{Operator: o.Operator.Name, Subtask: -1}
	if o.Operator.Subtasks == nil || t.quiet < silentFor || allFinished(o) {
		return f, false
	}
	seconds := p.quietFor(o.Operator.ID)
	if t.known && t.lag > 0 {
		if seconds < stuckFor {
			return f, false
		}
		f.Cause, f.Severity = Source, Warning
		f.Evidence = fmt.Sprintf("has read nothing for %s, though %s records are there; nothing presses it", spanOf(seconds), metric.FormatCount(t.lag))
		f.Remedy = fmt.Sprintf("see whether %s answers, whether this job may read it, and whether a transaction of its producer stays open (kafka.ReadUncommitted, in YAML read_uncommitted, does not wait for it)",
			outsideName(o, "the outside"))
		f.Avoid = "scaling any operator of this job"
		return f, true
	}
	f.Cause, f.Severity = Starved, Note
	f.Evidence = fmt.Sprintf("%s has delivered nothing for %s", outsideName(o, "its input"), spanOf(seconds))
	f.Remedy = "see whether records should come; if they pause often, IdleAfter keeps watermarks going (in YAML idle_after)"
	return f, true
}

func allFinished(o *metric.OperatorRate) bool {
	for i := range o.Operator.Subtasks {
		if o.Operator.Subtasks[i].State != "finished" {
			return false
		}
	}
	return true
}

// quietFor is for how many seconds a source has read nothing, as far as samples
// go back.
func (p *period) quietFor(id int) float64 {
	now := p.samples[len(p.samples)-1]
	out := func(j *metric.Job) (n int64) {
		for i := range j.Operators {
			if j.Operators[i].ID != id {
				continue
			}
			for k := range j.Operators[i].Subtasks {
				n += j.Operators[i].Subtasks[k].RecordsOut
			}
		}
		return n
	}
	since := now
	for i := len(p.samples) - 1; i >= 0 && out(p.samples[i]) == out(now); i-- {
		since = p.samples[i]
	}
	return now.At.Sub(since.At).Seconds()
}
