package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// waiting is the share of time that an operator waits outside at least, and
	// half of its own time, to be limited by that.
	waiting = 0.20
	// refused is the part of the calls that are refused from which on the limit of
	// the other side decides.
	refused = 0.02
	// inState is the part of an operator's own time that its state takes at least
	// to be named.
	inState = 0.50
	// asleep is the part of its working time that an operator can have had a
	// processor for, or wanted one, at most, when its function waits for something.
	// Where it is not known who wants one, it must be less.
	asleep     = 0.50
	fastAsleep = 0.25
	// busyProcess is the part of the processors in use from which on more
	// subtasks find none.
	busyProcess = 0.90
)

// classify finds the cause at a culprit. The effect says what it does to the
// others, with numbers.
func (l *look) classify(c culprit, effect ...string) Finding {
	o := c.task.heaviest()
	f := l.causeAt(c, o)
	parts := []string{f.Evidence}
	if c.task.source() != o {
		parts = append(parts, handles(o))
	}
	f.Evidence = sentence(append(parts, effect...)...)
	return f
}

func (l *look) causeAt(c culprit, o *metric.OperatorRate) Finding {
	f := Finding{Operator: o.Operator.Name, Subtask: -1}
	waits := o.External >= o.Own/2 && o.External >= waiting
	hot, skewed := imbalanceOf(c, o)
	source := l.readBy(c.task)
	switch {
	case waits && throttled(o):
		throttledWords(&f, o)
	case skewed && source != nil && splitsMissing(source) > 0:
		return splits(source)
	case skewed:
		return l.skew(c, o, hot)
	case waits && isSink(o):
		sinkWords(&f, o, "waits "+percent(o.External)+" of the time for "+outsideName(o, "the system it writes to"))
	case waits:
		outsideWords(&f, o)
	case l.stateShare(o.Operator.ID) >= inState:
		l.stateWords(&f, o)
	case l.sleeps(o) && isSink(o):
		sinkWords(&f, o, fmt.Sprintf("takes %s of the time, though the process uses only %s", percent(o.Own), l.processors()))
	case l.sleeps(o):
		l.blockingWords(&f, o)
	default:
		l.cpuWords(&f, o)
	}
	return f
}

func isSink(o *metric.OperatorRate) bool {
	return o.Operator.Kind == "sink" || o.Operator.Kind == "dead_letters"
}

// throttled tells whether calls are refused because of their rate, or not made
// since a breaker is open.
func throttled(o *metric.OperatorRate) bool {
	n := o.CounterRates["throttled"]
	return n > 0 && n >= refused*o.CounterRates["calls"]
}

func throttledWords(f *Finding, o *metric.OperatorRate) {
	f.Cause = Throttled
	f.Evidence = fmt.Sprintf("waits outside %s of the time, %s calls/s refused (429)",
		percent(o.External), metric.FormatCount(o.CounterRates["throttled"]))
	f.Remedy = fmt.Sprintf("ask for a higher limit, call less (LookupCache, MapBulk), or lower InFlight on %q to what is granted (in YAML in_flight); "+
		"if a breaker is open, see why the other side fails", f.Operator)
	f.Avoid = "more parallelism, more calls in flight or larger buffers: the other side grants no more"
}

func sinkWords(f *Finding, o *metric.OperatorRate, evidence string) {
	f.Cause, f.Evidence = Sink, evidence
	if strings.HasPrefix(o.Operator.Outside, "kafka ") {
		f.Remedy = fmt.Sprintf("see whether the brokers or their disks are at their limit; write larger batches: kafka.BatchBytes, kafka.Linger and kafka.Compress on %q "+
			"(in YAML batch_bytes, linger, compression); with kafka.ExactlyOnce, transactions end with checkpoints: raise Every (every); "+
			"raise Parallelism (parallelism, now %d) while the topic has more partitions", f.Operator, subtasks(o))
	} else {
		f.Remedy = fmt.Sprintf("give that system room, write more at a time, or raise Parallelism on %q (in YAML parallelism, now %d) if it takes more writers",
			f.Operator, subtasks(o))
	}
	f.Avoid = "larger buffers: they only delay this; more parallelism of the operators before it, which merely wait"
}

func outsideWords(f *Finding, o *metric.OperatorRate) {
	f.Cause = Outside
	f.Evidence = "waits " + percent(o.External) + " of the time for " + outsideName(o, "an outside system")
	f.Avoid = "more processors or larger buffers: it does not work, it waits"
	calls, limit := callsOf(o)
	switch {
	case limit > 0 && calls >= 0.9*float64(limit):
		f.Evidence = sentence(f.Evidence, fmt.Sprintf("%.0f of at most %d calls are in flight", calls, limit))
		f.Remedy = fmt.Sprintf("make the calls faster or fewer (LookupCache, MapBulk), or raise InFlight on %q (in YAML in_flight, now %d for each subtask) if the other side has room",
			f.Operator, limit/int64(subtasks(o)))
	case limit > 0:
		f.Evidence = sentence(f.Evidence, fmt.Sprintf("only %.0f of at most %d calls are in flight: results wait for an earlier one, or for room", calls, limit))
		f.Remedy = fmt.Sprintf("let results overtake one another with Unordered() on %q (in YAML ordered: false), bound the slow calls with Timeout (timeout), or raise InFlightBytes", f.Operator)
	default:
		f.Remedy = fmt.Sprintf("make the calls faster or fewer (LookupCache, MapBulk), or raise InFlight on %q (in YAML in_flight) if the other side has room", f.Operator)
	}
}

// callsOf sums the calls in flight and their limits over the subtasks.
func callsOf(o *metric.OperatorRate) (calls float64, limit int64) {
	for i := range o.Operator.Subtasks {
		s := &o.Operator.Subtasks[i]
		calls += float64(s.Calls)
		limit += s.CallLimit
	}
	return calls, limit
}

// stateShare is the part of an operator's own time that its state takes, 0 where
// it is not known.
func (l *look) stateShare(id int) float64 {
	if l.before == nil {
		return 0
	}
	for i := range l.now.Operators {
		if l.now.Operators[i].ID != id || i >= len(l.before.Operators) {
			continue
		}
		was, is := l.before.Operators[i].Subtasks, l.now.Operators[i].Subtasks
		var state, own time.Duration
		for k := range min(len(was), len(is)) {
			state += is[k].StateTime - was[k].StateTime
			own += is[k].Own - was[k].Own
		}
		if state > 0 && own > 0 {
			return min(float64(state)/float64(own), 1)
		}
	}
	return 0
}

func (l *look) stateWords(f *Finding, o *metric.OperatorRate) {
	f.Cause = State
	f.Evidence = fmt.Sprintf("works %s of the time, %s of that in its state", percent(o.Own), percent(l.stateShare(o.Operator.ID)))
	if bytes := sumOf(o, "state_bytes"); bytes > 0 {
		f.Evidence += fmt.Sprintf(", which has %s", metric.FormatBytes(int64(bytes)))
	}
	f.Remedy = fmt.Sprintf("keep less in it (shorter windows, state that expires, smaller values); with StateOnDisk, give its cache more memory or use a faster disk; "+
		"or raise Parallelism on %q (parallelism, now %d), which divides the keys", f.Operator, subtasks(o))
	f.Avoid = "a cheaper function: most of the time is not spent in it; larger buffers"
}

// sleeps tells whether an operator that takes the time hardly uses a processor,
// nor waits for one: all that the process uses and wants is far less than what the
// operator worked.
func (l *look) sleeps(o *metric.OperatorRate) bool {
	works := (o.Own - o.External) * float64(subtasks(o))
	can := min(works, float64(l.now.Process.Processors))
	part := fastAsleep
	if l.now.Process.Waited > 0 {
		part = asleep
	}
	return l.rates.CPU > 0 && can > 0 && works >= saturated && l.rates.CPU+l.wanted < part*can
}

// processors says how much of the machine the process uses.
func (l *look) processors() string { return processors(l.rates.CPU, l.now.Process.Processors) }

func processors(used float64, of int) string { return fmt.Sprintf("%.1f of %d processors", used, of) }

func (l *look) blockingWords(f *Finding, o *metric.OperatorRate) {
	f.Cause = Outside
	f.Evidence = fmt.Sprintf("takes %s of the time, though the process uses only %s: its function waits", percent(o.Own), l.processors())
	f.Remedy = fmt.Sprintf("make the calls of %q with MapAsync, which has many of them in flight, or with Lookup and LookupCache; "+
		"until then raise Parallelism (in YAML parallelism, now %d)", f.Operator, subtasks(o))
	f.Avoid = "more processors or larger buffers: it does not work, it waits"
}

func (l *look) cpuWords(f *Finding, o *metric.OperatorRate) {
	f.Cause = CPU
	f.Evidence = "works " + percent(o.Own) + " of the time"
	n := subtasks(o)
	f.Avoid = "adding buffers, or scaling the operators before it: they merely wait"
	if can := float64(l.now.Process.Processors); can > 0 && l.rates.CPU >= busyProcess*can {
		f.Evidence = sentence(f.Evidence, "the process uses "+l.processors())
		f.Remedy = fmt.Sprintf("make the function of %q cheaper (its CPU profile tells where), or run on more processors and raise Parallelism on %q (in YAML parallelism, now %d)", f.Operator, f.Operator, n)
		f.Avoid = "more parallelism on these processors, which are all in use; " + f.Avoid
		return
	}
	f.Remedy = fmt.Sprintf("make its function cheaper or raise Parallelism on %q (in YAML parallelism, now %d) while processors are free", f.Operator, n)
}

// sumOf adds up a gauge of all subtasks.
func sumOf(o *metric.OperatorRate, name string) (sum float64) {
	for i := range o.Operator.Subtasks {
		for _, g := range o.Operator.Subtasks[i].Gauges {
			if g.Name == name && finite(g.Value) {
				sum += g.Value
			}
		}
	}
	return sum
}

// pressureOf says whom an arrow presses, and how much.
func (p *plan) pressureOf(a *arrow) string {
	return fmt.Sprintf("%s is blocked by it %s of the time", p.names[a.Edge.From], percent(a.pressure))
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

// sentence joins what was measured.
func sentence(parts ...string) string {
	out := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "; ")
}

func percent(share float64) string {
	return fmt.Sprintf("%.0f %%", 100*min(max(share, 0), 1))
}
