package diagnosis

import (
	"fmt"
	"strings"
)

const (
	// heldUp is the share of time that a sibling has nothing to do at least when
	// it is held up by a slow branch.
	heldUp = 0.30
	// namedSiblings bounds how many are named.
	namedSiblings = 4
)

// branch is the finding that other branches of a fan-out get less to do, since
// all of them get the same records and one does not take them.
func (l *look) branch(c culprit, operator string) (Finding, bool) {
	passed := map[*task]bool{}
	for up := c.by; up != nil && !passed[up.from]; up = worst(up.from.in) {
		passed[up.from] = true
		var siblings []string
		idle := 0.0
		for _, a := range up.from.out {
			if a.to != up.to && a.pressure <= meaningful && a.to.idle() >= heldUp && a.to.blocked() <= meaningful &&
				!letters(a.to) && !reaches(a.to, c.task, nil) && !reaches(up.to, a.to, nil) {
				siblings = append(siblings, l.names[a.Edge.To])
				idle = max(idle, a.to.idle())
			}
		}
		if len(siblings) == 0 {
			continue
		}
		from := l.names[up.Edge.From]
		named := strings.Join(siblings[:min(len(siblings), namedSiblings)], ", ")
		if n := len(siblings) - namedSiblings; n > 0 {
			named += fmt.Sprintf(" and %d more", n)
		}
		return Finding{
			Operator: operator, Subtask: -1, Cause: Branch,
			Evidence: fmt.Sprintf("%s waits for this branch %s of the time, so that its other branches get less: %s idle up to %s of the time",
				from, percent(up.pressure), named, percent(idle)),
			Remedy: fmt.Sprintf("make %q faster; or let the branch read its input on its own: a job of its own, or a topic between", operator),
			Avoid:  "larger buffers: they are full soon, and then all branches go as fast as the slowest again; scaling " + named,
		}, true
	}
	return Finding{}, false
}

// letters tells that a task writes dead letters: it is idle by rights.
func letters(t *task) bool { return t.operators[0].Operator.Kind == "dead_letters" }
