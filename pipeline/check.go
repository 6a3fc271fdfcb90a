package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
)

// stream is what a source, a step or a branch of a step gives: something that
// others can read by name.
type stream struct {
	name     string
	at       place
	columns  *columns // nil when they could not be found out: checks are left out then
	timed    bool     // records have event times
	optional bool     // need not be read
	read     bool
}

// plan is a pipeline that has been checked: everything is compiled, and all
// that is left is to make the job.
type plan struct {
	sources []*sourcePlan
	steps   []*stepPlan
	sinks   []*sinkPlan
}

type stepPlan struct {
	name    string
	from    []string
	op      operation
	outputs []*stream
	options []afflux.Option
	policy  afflux.Policy
}

// operation is what a step does.
type operation interface {
	// outputs are the streams that it gives: the first is the step's own.
	outputs() []output
	// build adds it to a job.
	build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row]
}

type output struct {
	branch   string // empty for the stream that has the name of the step
	columns  *columns
	optional bool
	at       place
}

// checker holds what is known while a configuration is checked.
type checker struct {
	*report

	config  *config
	streams map[string]*stream
	order   []*stream
	names   map[string]place // of sources, steps and sinks: operators of the job
	// unresolved is set when a reader names no stream: what it means to read
	// is not to be called unread.
	unresolved bool
	plan       plan
}

var validName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// lettersName is the dead-letter sink as an operator of the job.
const lettersName = "dead_letters"

func (c *checker) check() *plan {
	if b := c.config.buffers.value.batchSize; b.given() && b.value > 0 && b.value < 64 {
		c.addf(b.at(), "a batch of %d bytes is too small; write at least 64", b.value)
	}
	c.checkpoints()
	if d := c.config.latency; d.value > 0 && d.value < time.Millisecond {
		c.addf(d.at(), "%s is too short; write at least 1ms, or 0 to measure nothing", d.node.text)
	}
	for i := range c.config.sources.list {
		c.source(&c.config.sources.list[i])
	}
	if len(c.config.sources.list) == 0 && c.config.sources.at != (place{}) {
		c.addf(c.config.sources.at, "a pipeline needs at least one source")
	}
	for i := range c.config.steps.items {
		c.step(i)
	}
	for i := range c.config.sinks.list {
		c.sink(&c.config.sinks.list[i])
	}
	if len(c.config.sinks.list) == 0 && c.config.sinks.at != (place{}) {
		c.addf(c.config.sinks.at, "a pipeline needs at least one sink; one that forgets everything is out: {blackhole: {}}")
	}
	for _, s := range c.order {
		if !s.read && !s.optional && !c.unresolved {
			c.addf(s.at, "nothing reads %q; read it in a step or a sink, or send it to a sink with blackhole: {}", s.name)
		}
	}
	return &c.plan
}

// operator notes the name of a source, step or sink.
func (c *checker) operator(name string, at place) {
	if !validName.MatchString(name) {
		c.addf(at, "%q cannot be a name; write letters, digits, - and _, with a letter first", name)
		return
	}
	if name == lettersName && c.config.deadLetters.given {
		c.addf(at, "the name %q is that of the dead letters; choose another", name)
	}
	if first, ok := c.names[name]; ok {
		where := first.origin
		if where == "" {
			where = fmt.Sprintf("line %d", first.line)
		}
		c.addf(at, "the name %q is taken in %s; sources, steps and sinks have names of their own", name, where)
		return
	}
	c.names[name] = at
}

func (c *checker) define(s *stream) {
	if _, ok := c.streams[s.name]; ok || s.name == "" {
		return // reported by operator or where it was read
	}
	c.streams[s.name] = s
	c.order = append(c.order, s)
}

// reads resolves a name that is read.
func (c *checker) reads(t text) *stream {
	s, ok := c.streams[t.value]
	if ok {
		s.read = true
		return s
	}
	c.unresolved = true
	for _, later := range c.config.steps.items {
		if name, _, _ := strings.Cut(t.value, "."); later.name.value == name {
			if _, defined := c.names[name]; defined {
				c.addf(t.at(), "step %q has no branch %q%s", name, strings.TrimPrefix(t.value, name+"."), suggest(t.value, c.streamNames()))
			} else {
				c.addf(t.at(), "step %q comes later; move it ahead of this", name)
			}
			return nil
		}
	}
	c.addf(t.at(), "there is no source or step %q%s", t.value, suggest(t.value, c.streamNames()))
	return nil
}

func (c *checker) streamNames() []string {
	out := make([]string, len(c.order))
	for i, s := range c.order {
		out[i] = s.name
	}
	return out
}

// fallback is what is read without a from: the step before, or the only source.
func (c *checker) fallback(step int, at place, what string) *stream {
	if step > 0 {
		previous := c.config.steps.items[step-1].name.value
		if s, ok := c.streams[previous]; ok {
			s.read = true
			return s
		}
		c.unresolved = true
		if len(c.config.steps.items[step-1].split.list) > 0 {
			c.addf(at, "%s needs from: the step before has the branches %s", what, strings.Join(c.branches(previous), ", "))
		}
		return nil
	}
	if len(c.config.sources.list) == 1 {
		s := c.streams[c.config.sources.list[0].name]
		if s != nil {
			s.read = true
		}
		return s
	}
	if len(c.config.sources.list) > 1 {
		c.unresolved = true
		c.addf(at, "%s needs from: there are several sources; write one of %s", what, strings.Join(c.streamNames(), ", "))
	}
	return nil
}

func (c *checker) branches(step string) []string {
	var out []string
	for _, s := range c.order {
		if strings.HasPrefix(s.name, step+".") {
			out = append(out, s.name)
		}
	}
	return out
}

// policy translates on_error. Who declares a place for dead letters wants them
// kept: that is then the default.
func (c *checker) policy(w choice) afflux.Policy {
	switch w.value {
	case "skip":
		return afflux.Skip
	case "dead_letter":
		if !c.config.deadLetters.given {
			c.addf(w.at(), "on_error: dead_letter needs a place to keep them; add dead_letters: {file: {path: rejected.jsonl}}")
		}
		return afflux.DeadLetter
	case "":
		if c.config.deadLetters.given {
			return afflux.DeadLetter
		}
	}
	return afflux.Fail
}

func (c *checker) step(i int) {
	s := &c.config.steps.items[i]
	at := s.name.at()
	if at == (place{}) {
		at = s.at
	}
	p := &stepPlan{name: s.name.value, policy: c.policy(s.onError)}
	if s.parallelism.given() {
		p.options = append(p.options, afflux.Parallelism(max(s.parallelism.or(1), 1)))
	}
	if s.anyOrder.value {
		p.options = append(p.options, afflux.AnyOrder())
	}
	inputs := c.inputs(i, s, at)
	// The operator is named after its inputs are resolved: a step cannot read itself.
	if s.name.given() {
		c.operator(s.name.value, at)
	}
	for _, in := range inputs {
		p.from = append(p.from, in.name)
	}
	var cols *columns
	if len(inputs) > 0 {
		cols = inputs[0].columns
	}
	if s.join.given && !s.union.given && len(inputs) > 0 {
		if other := c.joined(&s.join.value); other != nil {
			inputs, p.from = append(inputs, other), append(p.from, other.name)
		}
	}
	p.op = c.operation(s, at, cols, inputs)
	if p.op == nil {
		c.define(&stream{name: p.name, at: at, optional: true})
		return
	}
	for _, o := range p.op.outputs() {
		name := p.name
		if o.branch != "" {
			name += "." + o.branch
		}
		place := o.at
		if place.line == 0 && place.origin == "" {
			place = at
		}
		out := &stream{name: name, at: place, columns: o.columns, optional: o.optional, timed: timed(inputs)}
		c.define(out)
		p.outputs = append(p.outputs, out)
	}
	c.plan.steps = append(c.plan.steps, p)
}

func (c *checker) inputs(i int, s *stepConfig, at place) []*stream {
	from := s.from
	if s.union.given {
		if s.from.given {
			c.addf(s.from.at, "union names its inputs itself; remove from")
		}
		from = s.union
	}
	if !from.given {
		if in := c.fallback(i, at, "this step"); in != nil {
			return []*stream{in}
		}
		return nil
	}
	var out []*stream
	for _, t := range from.items {
		if !t.given() {
			continue
		}
		in := c.reads(t)
		if in == nil {
			continue
		}
		if slices.Contains(out, in) {
			c.addf(t.at(), "%q stands here twice; remove one", t.value)
			continue
		}
		out = append(out, in)
	}
	if !s.union.given && len(s.from.items) > 1 {
		c.addf(s.from.at, "from names one stream; to join several add a step with union: [%s]", strings.Join(textsOf(s.from.items), ", "))
	}
	return out
}

func timed(inputs []*stream) bool {
	for _, in := range inputs {
		if !in.timed {
			return false
		}
	}
	return true
}

func textsOf(l []text) []string {
	out := make([]string, len(l))
	for i := range l {
		out[i] = l[i].value
	}
	return out
}

// operation finds the one operation of a step.
func (c *checker) operation(s *stepConfig, at place, cols *columns, inputs []*stream) operation {
	type candidate struct {
		key   string
		given bool
		at    place
		make  func() operation
		// ordered is set when results may depend on the order of records.
		ordered bool
	}
	all := []candidate{
		{"filter", s.filter.given(), s.filter.at(), func() operation { return c.filter(s, cols) }, false},
		{"set", s.set.at != (place{}), s.set.at, func() operation { return c.set(s, cols) }, false},
		{"map", s.mapping.at != (place{}), s.mapping.at, func() operation { return c.mapping(s, cols) }, false},
		{"drop", s.drop.given, s.drop.at, func() operation { return c.drop(s, cols) }, false},
		{"select", s.selected.given, s.selected.at, func() operation { return c.selected(s, cols) }, false},
		{"flat_map", s.flatMap.given, s.flatMap.at, func() operation { return c.flatMap(s, cols) }, false},
		{"union", s.union.given, s.union.at, func() operation { return c.union(s, inputs) }, false},
		{"split", s.split.at != (place{}), s.split.at, func() operation { return c.split(s, cols) }, false},
		{"http", s.http.given, s.http.at, func() operation { return c.http(s, cols) }, false},
		{"aggregate", s.aggregate.at != (place{}), s.aggregate.at, func() operation { return c.aggregate(s, cols, timed(inputs)) }, true},
		{"top", s.top.given, s.top.at, func() operation { return c.top(s, cols, timed(inputs)) }, false},
		{"deduplicate", s.deduplicate.given, s.deduplicate.at, func() operation { return c.deduplicate(s, cols, timed(inputs)) }, true},
		{"join", s.join.given, s.join.at, func() operation { return c.join(s, inputs) }, true},
	}
	var chosen *candidate
	for i := range all {
		if !all[i].given {
			continue
		}
		if chosen != nil {
			c.addf(all[i].at, "a step does one thing, and this one has %s already; make %s a step of its own", chosen.key, all[i].key)
			continue
		}
		chosen = &all[i]
	}
	if s.aggregate.at == (place{}) && !s.top.given && !s.broken {
		if s.keyBy.given {
			c.addf(s.keyBy.at, "key_by divides records for aggregate and top; add one of them to this step, or remove key_by")
		}
		if s.window.given {
			c.addf(s.window.at, "window belongs to aggregate and top; add one of them to this step, or remove window")
		}
	}
	if s.anyOrder.given() && chosen != nil && !chosen.ordered {
		c.addf(s.anyOrder.at(), "%s does not depend on the order of records; remove any_order", chosen.key)
	}
	if chosen == nil {
		if !s.keyBy.given && !s.window.given && !s.broken {
			names := make([]string, len(all))
			for i := range all {
				names[i] = all[i].key
			}
			c.addf(at, "the step does nothing; give it one of %s", strings.Join(names, ", "))
		}
		return nil
	}
	return chosen.make()
}
