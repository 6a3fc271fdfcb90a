package diagnosis

const (
	// meaningful is the share of time blocked from which there is pressure:
	// the upper end of level OK.
	meaningful = 0.10
	// saturated is the share of time that the busiest subtask of a bottleneck
	// is busy at least: pressure on a task below it comes from bursts, and no
	// change of that task would remove it.
	saturated = 0.50
	// full is that share where another task presses more: one that is nearly at
	// its own limit would be the next to press.
	full = 0.80
	// brimful is that share of a task that presses nobody, since its senders wait
	// for another.
	brimful = 0.90
)

// culprit is a task that limits those before it.
type culprit struct {
	task *task
	// by is the arrow on which it presses; nil when it presses a source that is
	// fused with it.
	by *arrow
	// weight is the largest share of time that any sender is blocked for it.
	weight float64
}

// culprits are the tasks that the pressure comes from, those that press most
// first.
//
// Blocked time tells: from each arrow whose senders are blocked it is followed
// downstream, by every arrow that blocks the task met. Of the tasks on a path,
// the guilty one is busy and not blocked itself. How much is queued does not
// matter.
func (p *plan) culprits() []culprit {
	var all []culprit
	w := walk{}
	for _, start := range p.arrows {
		if start.pressure <= meaningful {
			continue
		}
		for _, c := range w.follow(start) {
			if c.task.busiest() >= saturated {
				c.weight = start.pressure
				all = add(all, c)
			}
		}
	}
	byWeight(all)
	kept := all[:0]
	for i, c := range all {
		if i == 0 || c.weight >= saturated && c.task.busiest() >= saturated || c.task.busiest() >= full {
			kept = append(kept, c)
		}
	}
	return p.alongside(kept)
}

// add adds a culprit, or its weight if it is there.
func add(all []culprit, c culprit) []culprit {
	for i := range all {
		if o := &all[i]; o.task == c.task {
			o.weight = max(o.weight, c.weight)
			if o.by == nil || c.by != nil && c.by.pressure > o.by.pressure {
				o.by = c.by
			}
			return all
		}
	}
	return append(all, c)
}

// merge adds culprits to others, each task once: where branches meet again, the same
// are found by every way, and the ways are very many.
func merge(all, more []culprit) []culprit {
	for _, c := range more {
		all = add(all, c)
	}
	return all
}

// byWeight sorts by insertion: there are few, and equals keep their order.
func byWeight(all []culprit) {
	for i := range all {
		for j := i; j > 0 && all[j].weight > all[j-1].weight; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
}

// walk follows blocked arrows from task to task, each task once.
type walk map[*task]*verdict

// verdict is where the pressure comes from that a task exerts: from itself, or
// from those below it.
type verdict struct {
	self  bool
	below []culprit
}

// follow returns where the pressure on an arrow comes from. Of each path that is
// the task that is busy most and blocked least, the last of equals. Whether that
// one is busy enough is for the caller to see.
func (w walk) follow(by *arrow) []culprit {
	t := by.to
	v := w[t]
	if v == nil {
		v = &verdict{}
		w[t] = v
		v.self, v.below = w.judge(t)
	}
	if v.self {
		return []culprit{{task: t, by: by}}
	}
	return v.below
}

func (w walk) judge(t *task) (self bool, below []culprit) {
	if t.blocked() <= meaningful {
		return true, nil
	}
	for _, a := range t.out {
		if a.pressure > meaningful {
			below = merge(below, w.follow(a))
		}
	}
	if a := worst(t.out); len(below) == 0 && a != nil {
		below = w.follow(a)
	}
	for _, c := range below {
		if c.score() >= (culprit{task: t}).score() {
			return false, below
		}
	}
	return true, nil
}

func (c culprit) score() float64 { return c.task.busiest() - c.task.blocked() }

// worst is the arrow on which senders are blocked most, the first of equals,
// nil when none is blocked.
func worst(arrows []*arrow) *arrow {
	var w *arrow
	for _, a := range arrows {
		if a.pressure > 0 && (w == nil || a.pressure > w.pressure) {
			w = a
		}
	}
	return w
}

// alongside adds the tasks that press nobody only because their sender waits for
// a culprit in another branch.
func (p *plan) alongside(found []culprit) []culprit {
	for _, c := range found {
		passed := map[*task]bool{}
		for up := c.by; up != nil && !passed[up.from]; up = worst(up.from.in) {
			passed[up.from] = true
			for _, a := range up.from.out {
				if a != up && a.to.busiest() >= brimful && a.to.blocked() <= meaningful && !reaches(a.to, c.task, nil) && !reaches(c.task, a.to, nil) {
					found = add(found, culprit{task: a.to, by: a, weight: a.pressure})
				}
			}
		}
	}
	return found
}

// reaches tells whether an arrow or several lead from one task to another. The
// tasks passed are marked as seen.
func reaches(from, to *task, seen map[*task]bool) bool {
	if from == to {
		return true
	}
	if seen == nil {
		seen = map[*task]bool{}
	}
	seen[from] = true
	for _, a := range from.out {
		if !seen[a.to] && reaches(a.to, to, seen) {
			return true
		}
	}
	return false
}

// pressed are the sources that wait for a culprit: those that blocked arrows lead
// from to it. A source that is fused with it is one.
func (p *plan) pressed(c culprit) []*task {
	var out []*task
	seen := map[*task]bool{}
	var up func(t *task)
	up = func(t *task) {
		if seen[t] {
			return
		}
		seen[t] = true
		if t.source() != nil && (t != c.task || c.by == nil) {
			out = append(out, t)
		}
		for _, a := range t.in {
			if a.pressure > meaningful/2 {
				up(a.from)
			}
		}
	}
	up(c.task)
	return out
}
