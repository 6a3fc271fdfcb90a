package pipeline

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/window"
)

// joinOp pairs the records of two streams.
type joinOp struct {
	left, right *columns
	both        *columns   // those of both sides: what pairs begin as
	result      *reshapeOp // what is made of them; nil if they stay
	keys        [2]*keyFormulas
	kind        string
	window      window.Definition // nil for another way
	lateness    time.Duration
	between     []time.Duration // nil for another way
}

// joined resolves the right side of a join.
func (c *checker) joined(j *joinConfig) *stream {
	if !j.with.given() {
		return nil
	}
	return c.reads(j.with)
}

func (c *checker) join(s *stepConfig, inputs []*stream) operation {
	j := &s.join.value
	o := &joinOp{kind: j.kind.or("inner")}
	c.joinTimes(o, s)
	if len(inputs) < 2 {
		return unknown{}
	}
	for i, in := range inputs {
		if in.columns != nil && !in.timed {
			c.addf([]place{s.join.at, j.with.at()}[i], "a join needs event times, and %q has none; add event_time: {column: ..., out_of_orderness: ...} to its source", in.name)
		}
	}
	if inputs[0].columns == nil || inputs[1].columns == nil {
		return unknown{}
	}
	o.left, o.right = inputs[0].columns, inputs[1].columns
	c.joinKeys(o, s)
	c.joinColumns(o, s)
	return o
}

// joinTimes checks which records meet.
func (c *checker) joinTimes(o *joinOp, s *stepConfig) {
	j := &s.join.value
	ways := 0
	for _, given := range []bool{j.window.given, j.between.given, j.asOf.value} {
		if given {
			ways++
		}
	}
	if ways != 1 && !s.broken {
		c.addf(s.join.at, "which records of a key meet? write one of window: {tumbling: 1h}, between: [-5m, 5m] and as_of: true")
	}
	o.window, o.lateness = c.timedWindows(&j.window, false)
	if j.between.given {
		for _, d := range j.between.items {
			o.between = append(o.between, d.value)
		}
		switch {
		case len(o.between) != 2:
			c.addf(j.between.at, "between has two bounds, like [-5m, 5m]: of the right record's event time, counted from the left one's")
		case o.between[0] > o.between[1]:
			c.addf(j.between.at, "no time is between %v and %v; write the earlier bound first", o.between[0], o.between[1])
		}
	}
	if j.asOf.value && (o.kind == "right" || o.kind == "full") {
		c.addf(j.kind.at(), "a join as_of answers left records; write kind: inner or kind: left")
	}
}

// joinKeys checks what must be equal.
func (c *checker) joinKeys(o *joinOp, s *stepConfig) {
	j := &s.join.value
	lists := [2]*list[expression]{&j.leftKey, &j.rightKey}
	switch {
	case j.key.given && (j.leftKey.given || j.rightKey.given):
		c.addf(j.key.at, "key is for both sides; remove it, or left_key and right_key")
		lists = [2]*list[expression]{&j.key, &j.key}
	case j.key.given:
		lists = [2]*list[expression]{&j.key, &j.key}
	case !j.leftKey.given || !j.rightKey.given:
		if !s.broken {
			c.addf(s.join.at, "which records meet? add key: column, or left_key and right_key where the sides differ")
		}
	}
	o.keys = [2]*keyFormulas{c.keys(lists[0], o.left), c.keys(lists[1], o.right)}
	left, right := o.keys[0].formulas, o.keys[1].formulas
	if len(left) < len(lists[0].items) || len(right) < len(lists[1].items) || !lists[0].given || !lists[1].given {
		return // reported
	}
	if len(left) != len(right) || len(left) == 0 {
		c.addf(lists[1].at, "the right key has %d parts, the left one %d; write as many, at least one", len(right), len(left))
		return
	}
	for i := range left {
		if l, r := left[i], right[i]; l.kind != r.kind && l.kind != kindAny && r.kind != kindAny {
			c.addf(lists[1].items[i].at(), "the left side's %s is of type %s, the right side's %s of type %s, and such values are never equal; convert one, like string(%s)",
				l.source, l.kind, r.source, r.kind, r.source)
		}
	}
	raw := o.keys[0].raw && o.keys[1].raw
	o.keys[0].raw, o.keys[1].raw = raw, raw
}

// joinColumns decides what results look like.
func (c *checker) joinColumns(o *joinOp, s *stepConfig) {
	j := &s.join.value
	prefix := j.prefix.or("right_")
	if prefix != "" && !variableName.MatchString(prefix) {
		c.addf(j.prefix.at(), "%q cannot begin the name of a column; write letters, digits and _, with a letter first", prefix)
		prefix = "right_"
	}
	list := slices.Clone(o.left.list)
	for _, col := range o.right.list {
		name := prefix + col.name
		if o.left.find(name) >= 0 {
			at := j.prefix.at()
			if !j.prefix.given() {
				at = s.join.at
			}
			c.addf(at, "both sides have a column %q; write another prefix for those of the right side", name)
			continue
		}
		list = append(list, column{name, col.kind})
	}
	o.both = newColumns(list)
	if j.set.at == (place{}) {
		return
	}
	r := &reshape{}
	for i := range o.left.list {
		r.keep(o.both, i)
	}
	for i := range j.set.list {
		e := &j.set.list[i]
		c.columnName(e.name, e.at)
		r.put(e.name, c.compileExpression(&e.value, o.both))
	}
	o.result = &reshapeOp{columns: newColumns(r.list), formulas: r.formulas}
}

func (o *joinOp) outputs() []output {
	main := output{columns: o.both}
	if o.result != nil {
		main.columns = o.result.columns
	}
	return []output{main, {branch: "late_left", columns: o.left, optional: true}, {branch: "late_right", columns: o.right, optional: true}}
}

// side computes the key of a record. One with a null in it meets records of
// its own side only, so that none of the other is equal.
func (o *joinOp) side(i int) func(*Row) (keyed, error) {
	return func(row *Row) (keyed, error) {
		key, values, err := o.keys[i].of(row, 0)
		if slices.Contains(values, nil) {
			key = [...]string{"\xffleft", "\xffright"}[i]
		}
		return keyed{key: key, row: *row}, err
	}
}

// pair is the row of two records, either of which may be missing.
func (o *joinOp) pair(a, b *keyed) Row {
	values := make([]any, len(o.both.list))
	if a != nil {
		copy(values, a.row.values)
	}
	if b != nil {
		copy(values[len(o.left.list):], b.row.values)
	}
	return Row{columns: o.both, values: values}
}

func (o *joinOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	left := in[0].TryMap(s.name+".left", o.side(0), afflux.OnError(s.policy)).KeyBy(s.name+".left", keyOf)
	right := in[1].TryMap(s.name+".right", o.side(1), afflux.OnError(s.policy)).KeyBy(s.name+".right", keyOf)
	pairs := o.pairs(s.name, left.Join(right), s.options)
	out := []*afflux.Stream[Row]{pairs.Stream, nil, nil}
	if o.result != nil {
		out[0] = pairs.TryMap(s.name+".set", o.result.apply, afflux.OnError(s.policy))
	}
	if s.outputs[1].read {
		out[1] = pairs.LateLeft().Map(s.name+".late_left", rowOf)
	}
	if s.outputs[2].read {
		out[2] = pairs.LateRight().Map(s.name+".late_right", rowOf)
	}
	return out
}

// pairs is the join of the kind that is asked for.
func (o *joinOp) pairs(name string, j *afflux.Joined[string, keyed, keyed], options []afflux.Option) *afflux.Pairs[keyed, keyed, Row] {
	switch {
	case o.window != nil:
		w := j.Window(o.window, afflux.AllowedLateness(o.lateness))
		switch o.kind {
		case "left":
			return w.Left(name, o.pair, options...)
		case "right":
			return w.Right(name, o.pair, options...)
		case "full":
			return w.Full(name, o.pair, options...)
		}
		return w.Inner(name, o.pair, options...)
	case o.between != nil:
		i := j.Between(o.between[0], o.between[1])
		switch o.kind {
		case "left":
			return i.Left(name, o.pair, options...)
		case "right":
			return i.Right(name, o.pair, options...)
		case "full":
			return i.Full(name, o.pair, options...)
		}
		return i.Inner(name, o.pair, options...)
	case o.kind == "left":
		return j.AsOf().Left(name, o.pair, options...)
	}
	return j.AsOf().Inner(name, o.pair, options...)
}
