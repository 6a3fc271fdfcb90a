package pipeline

import (
	"fmt"
	"strings"

	"github.com/affluxdev/afflux"
)

// flatMapOp makes a record for each element of a list.
type flatMapOp struct {
	in      *columns
	columns *columns
	each    *formula
	kept    []int // columns of the input that are kept
	at      int   // where the element goes
	kind    kind
}

func (c *checker) flatMap(s *stepConfig, cols *columns) operation {
	if cols == nil {
		return unknown{}
	}
	f := &s.flatMap.value
	o := &flatMapOp{in: cols, each: c.compileExpression(&f.each, cols)}
	if o.each != nil && o.each.kind != kindAny {
		c.addf(f.each.at(), "flat_map needs a list, but %s is of type %s; split a text with split(%s, \",\")", o.each.source, o.each.kind, o.each.source)
	}
	o.kind, _ = kindByName(f.kind.or("any"))
	as := f.as.value
	if f.as.given() {
		c.columnName(as, f.as.at())
	}
	var list []column
	if !f.keep.given() || f.keep.value {
		for i, col := range cols.list {
			if col.name != as {
				o.kept, list = append(o.kept, i), append(list, col)
			}
		}
	}
	o.at = len(list)
	o.columns = newColumns(append(list, column{as, o.kind}))
	return o
}

func (o *flatMapOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *flatMapOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	return []*afflux.Stream[Row]{in[0].FlatMap(s.name, o.apply, s.onError()...)}
}

func (o *flatMapOp) apply(row *Row, emit func(Row)) error {
	v, err := o.each.eval(row)
	if err != nil || v == nil {
		return err
	}
	elements, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s is not a list but %v", o.each.source, v)
	}
	all := make([]Row, 0, len(elements)) // a record is taken whole or not at all
	for _, e := range elements {
		e, err := o.kind.coerce(normal(e))
		if err != nil {
			return fmt.Errorf("an element of %s: %w", o.each.source, err)
		}
		values := make([]any, len(o.columns.list))
		for j, i := range o.kept {
			values[j] = row.values[i]
		}
		values[o.at] = e
		all = append(all, Row{columns: o.columns, values: values})
	}
	for _, r := range all {
		emit(r)
	}
	return nil
}

// unionOp joins streams of the same columns.
type unionOp struct{ columns *columns }

func (c *checker) union(s *stepConfig, inputs []*stream) operation {
	if len(s.union.items) < 2 {
		c.addf(s.union.at, "a union joins at least two streams")
	}
	if s.onError.given() {
		c.addf(s.onError.at(), "nothing can fail in a union; remove on_error")
	}
	if s.parallelism.given() {
		c.addf(s.parallelism.at(), "a union has the parallelism of what reads it; remove parallelism")
	}
	if len(inputs) == 0 || inputs[0].columns == nil {
		return unknown{}
	}
	first := inputs[0]
	for _, in := range inputs[1:] {
		if in.columns == nil || in.columns.equal(first.columns) {
			continue
		}
		at := s.union.at
		for _, t := range s.union.items {
			if t.value == in.name {
				at = t.at()
			}
		}
		c.addf(at, "%q has the columns %s, but %q has %s; make them the same with select, set or map",
			in.name, in.columns.describe(), first.name, first.columns.describe())
	}
	return &unionOp{columns: first.columns}
}

// describe lists the columns with their types.
func (c *columns) describe() string {
	all := make([]string, len(c.list))
	for i, col := range c.list {
		all[i] = col.name + " " + col.kind.String()
	}
	return strings.Join(all, ", ")
}

func (o *unionOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *unionOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	return []*afflux.Stream[Row]{in[0].Union(s.name, in[1:]...)}
}

// splitOp sends each record to the first branch whose condition is true.
type splitOp struct {
	columns  *columns
	names    []string
	places   []place
	branches []*formula // nil for else
}

func (c *checker) split(s *stepConfig, cols *columns) operation {
	o := &splitOp{columns: cols}
	rest := -1
	for i := range s.split.list {
		e := &s.split.list[i]
		if !validName.MatchString(e.name) {
			c.addf(e.at, "%q cannot be the name of a branch; write letters, digits, - and _", e.name)
		}
		o.names, o.places = append(o.names, e.name), append(o.places, e.at)
		if strings.TrimSpace(e.value.value) == "else" {
			if rest >= 0 {
				c.addf(e.at, "there is a branch for the rest already: %q", o.names[rest])
			}
			rest = i
			o.branches = append(o.branches, nil)
			continue
		}
		if rest >= 0 {
			c.addf(e.at, "the branch %q gets everything that is left; move it below this one", o.names[rest])
		}
		o.branches = append(o.branches, c.compileCondition(&e.value, cols))
	}
	if rest < 0 {
		c.addf(s.split.at, "a record for which no condition is true has nowhere to go; add a branch for the rest, like other: else")
	}
	return o
}

func (o *splitOp) outputs() []output {
	out := make([]output, len(o.names))
	for i, n := range o.names {
		out[i] = output{branch: n, columns: o.columns, at: o.places[i]}
	}
	return out
}

// branched is a record with its branch, found ahead of the split because a
// condition can fail.
type branched struct {
	row    Row
	branch int
}

// PayloadBytes implements event.Sized.
func (b branched) PayloadBytes() int { return b.row.PayloadBytes() }

// MarshalJSON is the record alone, for dead letters.
func (b branched) MarshalJSON() ([]byte, error) { return b.row.MarshalJSON() }

func (o *splitOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	chosen := in[0].TryMap(s.name+".choose", o.choose, s.onError()...)
	split := chosen.Split(s.name, len(o.names), func(b *branched) int { return b.branch }, s.options...)
	out := make([]*afflux.Stream[Row], len(split))
	for i, branch := range split {
		out[i] = branch.Map(s.name+"."+o.names[i], func(b *branched) Row { return b.row })
	}
	return out
}

func (o *splitOp) choose(row *Row) (branched, error) {
	for i, f := range o.branches {
		if f == nil {
			return branched{*row, i}, nil
		}
		yes, err := f.evalBool(row)
		if err != nil {
			return branched{}, err
		}
		if yes {
			return branched{*row, i}, nil
		}
	}
	return branched{}, fmt.Errorf("no branch takes the record")
}
