package diagnosis

import (
	"fmt"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// muchGarbage is the part of the processor time used that the collector takes
	// from the operators, from which on it is told.
	muchGarbage = 0.20
	// someCPU is how many processors must be in use at least for a part of them to
	// mean anything.
	someCPU = 0.25
)

// collecting is the finding that the collector takes the time: a Note as long as
// there is enough of it for everybody. Garbage belongs to the process; the operator
// named is the one that uses the processors most, since who allocates is made to help
// the collector.
func (p *period) collecting(limited bool) (Finding, bool) {
	r, now := p.process, p.recent.now.Process
	if r.GC < muchGarbage || r.CPU < someCPU {
		return Finding{}, false
	}
	f := Finding{Subtask: -1, Cause: GC, Severity: Note}
	if limited {
		f.Severity = Warning
	}
	if o := p.recent.hungriest(); o != nil {
		f.Operator = o.Operator.Name
	}
	f.Evidence = fmt.Sprintf("the collector takes %s of the processor time that the process uses (%s); the heap has %s", percent(r.GC), processors(r.CPU, now.Processors), metric.FormatBytes(now.HeapBytes))
	if now.LimitBytes > 0 {
		f.Evidence += " of at most " + metric.FormatBytes(now.LimitBytes)
	}
	if f.Operator != "" {
		f.Evidence = sentence(f.Evidence, f.Operator+" works most")
	}
	f.Remedy = "allocate less for each record (a heap profile tells where), keep fewer pointers in state; "
	if now.LimitBytes > 0 && now.HeapBytes >= now.LimitBytes/2 {
		f.Remedy += "give the process more memory and raise GOMEMLIMIT: the heap is close to it"
	} else {
		f.Remedy += "or raise GOGC (200 collects half as often), with GOMEMLIMIT as the bound of memory"
	}
	f.Avoid = "more parallelism: the collector needs the same processors"
	return f, true
}

// hungriest is the operator that uses most processor time over all its subtasks,
// the first of equals; nil if none uses much.
func (l *look) hungriest() *metric.OperatorRate {
	var h *metric.OperatorRate
	use := func(o *metric.OperatorRate) float64 { return (o.Own - o.External) * float64(subtasks(o)) }
	for _, t := range l.tasks {
		for _, o := range t.operators {
			if use(o) >= 0.1 && (h == nil || use(o) > use(h)) {
				h = o
			}
		}
	}
	return h
}
