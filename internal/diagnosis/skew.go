package diagnosis

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux/internal/metric"
)

const (
	// hotSubtask is the share of time that a subtask is busy at least when it
	// holds up all by itself.
	hotSubtask = 0.70
	// mostWaits is the part of the blocked time that a hot subtask causes at
	// least where the others are not idle either.
	mostWaits = 0.60
)

// imbalance tells that one subtask is at its limit and the others are not.
type imbalance struct {
	hot           int
	share, others float64 // of time, busy
}

// skewed tells whether the busiest subtask does at least twice the work of
// the others and is close to its limit.
func skewed(o *metric.OperatorRate) bool {
	return subtasks(o) > 1 && o.MaxOwn >= hotSubtask && others(o) < o.MaxOwn/2
}

// others is the mean own share of all subtasks but the busiest, of at
// least two.
func others(o *metric.OperatorRate) float64 {
	n := float64(subtasks(o))
	return max(0, o.Own*n-o.MaxOwn) / (n - 1)
}

// imbalanceOf looks for a hot subtask of a task, or of the operator of it that
// takes the time. Where the others are busy too, but not at their limit, the time
// that senders waited for each of them tells.
func imbalanceOf(c culprit, o *metric.OperatorRate) (imbalance, bool) {
	if skewed(o) {
		return imbalance{o.Hottest, o.MaxOwn, others(o)}, true
	}
	busy := c.task.busy
	if len(busy) < 2 {
		return imbalance{}, false
	}
	i, sum := imbalance{}, 0.0
	for k, b := range busy {
		if sum += b; b > i.share {
			i.hot, i.share = k, b
		}
	}
	i.others = (sum - i.share) / float64(len(busy)-1)
	alone := i.others < i.share/2
	if c.by != nil && i.hot < len(c.by.waits) && c.by.waits[i.hot] >= mostWaits && i.others <= hotSubtask*i.share {
		alone = true
	}
	return i, alone && i.share >= hotSubtask
}

// hotInput is what is known of the input of a hot subtask.
type hotInput struct {
	share float64 // of the records of the operator, -1 if it is not known
	keys  []metric.HotKey
}

// inputOf looks at what comes to a subtask, and at the keys of the arrow that
// divided it among subtasks.
func (l *look) inputOf(o *metric.OperatorRate, hot int) hotInput {
	in := hotInput{share: -1}
	if l.before != nil {
		in.share = l.shareOfInput(o.Operator.ID, hot)
	}
	fair := 1 / float64(subtasks(o))
	for _, a := range l.dividing(o.Operator.ID) {
		for _, k := range a.Edge.HotKeys {
			// A key that fills a third of what one subtask can take, at least.
			if k.Share-k.Error >= fair/3 && k.Share-k.Error > 0.05 {
				in.keys = append(in.keys, k)
			}
		}
	}
	return in
}

func (l *look) shareOfInput(id, hot int) float64 {
	for i := range l.now.Operators {
		if l.now.Operators[i].ID != id || i >= len(l.before.Operators) {
			continue
		}
		was, is := l.before.Operators[i].Subtasks, l.now.Operators[i].Subtasks
		if len(was) != len(is) || hot >= len(is) {
			return -1
		}
		var all, one int64
		for k := range is {
			n := is[k].RecordsIn - was[k].RecordsIn
			if all += n; k == hot {
				one = n
			}
		}
		if all <= 0 || one < 0 || one > all {
			return -1
		}
		return float64(one) / float64(all)
	}
	return -1
}

// dividing are the arrows that divided records among the subtasks of an operator:
// those that lead to it, or to one that it follows one to one.
func (p *plan) dividing(id int) (out []*arrow) {
	t := p.of[id]
	for range len(p.tasks) {
		if t == nil || len(t.in) == 0 {
			return nil
		}
		if len(t.in) > 1 || t.in[0].Edge.Kind != "forward" {
			return t.in
		}
		t = t.in[0].from
	}
	return nil
}

// readBy is the source whose subtasks an operator follows one to one, nil if
// records were divided anew on the way.
func (p *plan) readBy(t *task) *metric.OperatorRate {
	for range len(p.tasks) {
		if s := t.source(); s != nil {
			return s
		}
		if len(t.in) != 1 || t.in[0].Edge.Kind != "forward" {
			return nil
		}
		t = t.in[0].from
	}
	return nil
}

// skew is the finding of a hot subtask.
func (l *look) skew(c culprit, o *metric.OperatorRate, i imbalance) Finding {
	name, n := o.Operator.Name, subtasks(o)
	f := Finding{Operator: name, Subtask: i.hot, Cause: Skew}
	rest := "the other one"
	if n != 2 {
		rest = fmt.Sprintf("the %d others", n-1)
	}
	f.Evidence = fmt.Sprintf("subtask %d works %s of the time, %s %s", i.hot, percent(i.share), rest, percent(i.others))
	in := l.inputOf(o, i.hot)
	source := l.readBy(c.task)
	switch {
	case len(in.keys) > 0:
		f.Evidence = sentence(f.Evidence, keysOf(in.keys))
		f.Remedy = fmt.Sprintf("divide the hot key: %s; a key that means nothing (empty, unknown) can be filtered out before",
			strings.Join(append(partials(o), "a finer key"), ", or "))
		f.Avoid = "more parallelism: all records of a key go to one subtask"
	case source != nil:
		f.Evidence = sentence(f.Evidence, fmt.Sprintf("it gets what one subtask of %s reads", source.Operator.Name))
		f.Remedy = fmt.Sprintf("put Rebalance() before %q (in YAML another parallelism for it), or write the input evenly to all partitions", name)
		f.Avoid = "more parallelism of the source: what lies in one partition is read by one subtask"
	case in.share >= 0 && in.share <= 1.3/float64(n):
		f.Evidence = sentence(f.Evidence, fmt.Sprintf("it gets only %s of the records: they cost more than others", percent(in.share)))
		f.Remedy = fmt.Sprintf("look which records take long in subtask %d of %q (the CPU profile of the operator tells where), and make them cheaper or divide them", i.hot, name)
		f.Avoid = "more parallelism: it does not make one expensive record cheaper"
	default:
		if in.share >= 0 {
			f.Evidence = sentence(f.Evidence, fmt.Sprintf("it gets %s of the records, and no single key stands out", percent(in.share)))
		}
		ways := append([]string{"a key with more values (there may be fewer keys than subtasks)"}, partials(o)...)
		f.Remedy = fmt.Sprintf("spread the load before %q: %s", name, strings.Join(ways, ", or "))
		f.Avoid = "more parallelism: it does not divide one key"
	}
	return f
}

// partials are the ways to fold the records of a key in parts that an operator has:
// some windows only.
func partials(o *metric.OperatorRate) []string {
	salted := fmt.Sprintf("Salted(%d) before %q", min(max(subtasks(o), 2), 64), o.Operator.Name)
	switch {
	case o.Operator.Foldable:
		return []string{salted, fmt.Sprintf("PreAggregate(true) on %q", o.Operator.Name)}
	case o.Operator.Saltable:
		return []string{salted + " in place of PreAggregate(true)"}
	}
	return nil
}

// keysOf names the hottest keys with their shares.
func keysOf(keys []metric.HotKey) string {
	const most = 3
	var parts []string
	for _, k := range keys[:min(len(keys), most)] {
		parts = append(parts, fmt.Sprintf("key %q has %s of the records", k.Key, percent(k.Share)))
	}
	if n := len(keys) - most; n > 0 {
		parts = append(parts, numbered(int64(n), "more key is hot", "more keys are hot"))
	}
	return strings.Join(parts, ", ")
}
