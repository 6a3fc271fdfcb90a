package diagnosis

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux/internal/metric"
)

// classify finds the cause at a guilty operator. The effect says what the
// operator does to the others, with numbers.
func classify(o *metric.OperatorRate, effect string) Finding {
	f := Finding{Operator: o.Operator.Name, Subtask: -1}
	n := subtasks(o)
	waits := o.External >= o.Own/2 && o.External >= 0.2
	throttled := o.CounterRates["throttled"]
	var measured, remedy string
	switch {
	case waits && throttled > 0:
		f.Cause = Throttled
		measured = fmt.Sprintf("waits outside %s of the time, %s calls/s refused (429)",
			percent(o.External), metric.FormatCount(throttled))
		remedy = fmt.Sprintf("ask for a higher limit, call less (cache, batch) or lower InFlight on %q to what is granted; "+
			"more parallelism or larger buffers will not help", f.Operator)
	case skewed(o):
		f.Cause, f.Subtask = Skew, o.Hottest
		measured = fmt.Sprintf("subtask %d works %s of the time, the %d others %s",
			o.Hottest, percent(o.MaxOwn), n-1, percent(others(o)))
		remedy = fmt.Sprintf("spread the load before %q: a finer key, or partial results per salted key; "+
			"more parallelism does not divide one key", f.Operator)
	case waits && o.Operator.Kind == "sink":
		f.Cause = Sink
		measured = "waits " + percent(o.External) + " of the time for " + outsideName(o, "the system it writes to")
		remedy = fmt.Sprintf("give that system room, write larger batches, or raise Parallelism on %q (now %d) "+
			"if it takes more writers; larger buffers only delay this", f.Operator, n)
	case waits:
		f.Cause = Outside
		measured = "waits " + percent(o.External) + " of the time for " + outsideName(o, "an outside system")
		remedy = fmt.Sprintf("make the calls faster or fewer (cache, batch), or raise InFlight on %q "+
			"if the other side has room; more processors or larger buffers will not help", f.Operator)
	default:
		f.Cause = CPU
		measured = "works " + percent(o.Own) + " of the time"
		remedy = fmt.Sprintf("make its function cheaper or raise Parallelism on %q (now %d) while processors are free; "+
			"do not scale what is merely blocked, nor add buffers", f.Operator, n)
	}
	f.Evidence = sentence(measured, handles(o), effect)
	f.Remedy = remedy
	return f
}

// sourceBound is the finding of a source that falls behind by itself.
func sourceBound(o *metric.OperatorRate) Finding {
	f := Finding{Operator: o.Operator.Name, Subtask: -1, Cause: Source}
	n := subtasks(o)
	doing := fmt.Sprintf("works %s and waits for data %s of the time", percent(o.Own-o.External), percent(o.Idle+o.External))
	f.Evidence = sentence(behind(o), "nothing presses it", doing)
	if o.Idle+o.External > o.Own-o.External {
		f.Remedy = fmt.Sprintf("fetch more at a time from %s, or raise Parallelism on %q (now %d) up to its partitions; "+
			"scaling later operators will not help", outsideName(o, "the outside"), f.Operator, n)
	} else {
		f.Remedy = fmt.Sprintf("raise Parallelism on %q (now %d) up to its partitions, or decode less; "+
			"scaling later operators will not help", f.Operator, n)
	}
	return f
}

// skewed tells whether the busiest subtask does at least twice the work of
// the others and is close to its limit.
func skewed(o *metric.OperatorRate) bool {
	return subtasks(o) > 1 && o.MaxOwn >= 0.7 && others(o) < o.MaxOwn/2
}

// others is the mean own share of all subtasks but the busiest, of at
// least two.
func others(o *metric.OperatorRate) float64 {
	n := float64(subtasks(o))
	return max(0, o.Own*n-o.MaxOwn) / (n - 1)
}

func subtasks(o *metric.OperatorRate) int {
	return max(o.Operator.Parallelism, len(o.Operator.Subtasks), 1)
}

// pressureOf says whom an edge presses, and how much.
func (p *plan) pressureOf(e *metric.EdgeRate) string {
	return fmt.Sprintf("%s is blocked by it %s of the time", p.names[e.Edge.From], percent(e.Blocked))
}

// behind says how far a source is behind.
func behind(o *metric.OperatorRate) string {
	return fmt.Sprintf("lag of %s is %s and grows by %s/s",
		o.Operator.Name, metric.FormatCount(o.Lag), metric.FormatCount(o.LagGrowth))
}

func handles(o *metric.OperatorRate) string {
	if o.In > 0 {
		return metric.FormatCount(o.In) + " records/s in"
	}
	return metric.FormatCount(o.Out) + " records/s out"
}

func outsideName(o *metric.OperatorRate, otherwise string) string {
	if o.Operator.Outside != "" {
		return o.Operator.Outside
	}
	return otherwise
}

func sentence(parts ...string) string { return strings.Join(parts, "; ") }

func percent(share float64) string {
	return fmt.Sprintf("%.0f %%", 100*min(max(share, 0), 1))
}
