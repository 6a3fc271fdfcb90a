package pipeline

import (
	"slices"
	"strings"

	"github.com/affluxdev/afflux"
)

// onError adds the policy of the step to its options.
func (s *stepPlan) onError() []afflux.Option {
	return append(slices.Clip(s.options), afflux.OnError(s.policy))
}

// filterOp keeps the records for which a condition is true.
type filterOp struct {
	columns   *columns
	condition *formula
}

func (c *checker) filter(s *stepConfig, cols *columns) operation {
	return &filterOp{columns: cols, condition: c.compileCondition(&s.filter, cols)}
}

func (o *filterOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *filterOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	return []*afflux.Stream[Row]{in[0].TryFilter(s.name, o.condition.evalBool, s.onError()...)}
}

// reshapeOp makes rows of other columns: each a formula over the old ones, or
// a column as it was.
type reshapeOp struct {
	columns  *columns
	formulas []*formula
}

func (o *reshapeOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *reshapeOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	return []*afflux.Stream[Row]{in[0].TryMap(s.name, o.apply, s.onError()...)}
}

func (o *reshapeOp) apply(row *Row) (Row, error) {
	values := make([]any, len(o.formulas))
	for i, f := range o.formulas {
		v, err := f.evalTo(row, f.kind)
		if err != nil {
			return Row{}, err
		}
		values[i] = v
	}
	return Row{columns: o.columns, values: values}, nil
}

// reshape is a reshapeOp that begins with no columns.
type reshape struct {
	list     []column
	formulas []*formula
}

func (o *reshape) put(name string, f *formula) {
	k := kindAny
	if f != nil {
		k = f.kind
	}
	for i := range o.list {
		if o.list[i].name == name {
			o.list[i].kind, o.formulas[i] = k, f
			return
		}
	}
	o.list, o.formulas = append(o.list, column{name, k}), append(o.formulas, f)
}

// keep takes a column as it is.
func (o *reshape) keep(cols *columns, i int) {
	o.put(cols.list[i].name, &formula{source: cols.list[i].name, kind: cols.list[i].kind, column: i})
}

func (o *reshape) op() operation {
	return &reshapeOp{columns: newColumns(o.list), formulas: o.formulas}
}

// unknown stands for an operation whose input is not known, so that nothing
// more can be said about it.
type unknown struct{}

func (unknown) outputs() []output { return []output{{}} }
func (unknown) build(*stepPlan, []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	panic("pipeline: a step that was not checked is built")
}

func (c *checker) set(s *stepConfig, cols *columns) operation {
	if cols == nil {
		return unknown{}
	}
	o := &reshape{}
	for i := range cols.list {
		o.keep(cols, i)
	}
	for i := range s.set.list {
		e := &s.set.list[i]
		c.columnName(e.name, e.at)
		o.put(e.name, c.compileExpression(&e.value, cols))
	}
	return o.op()
}

func (c *checker) mapping(s *stepConfig, cols *columns) operation {
	if cols == nil {
		return unknown{}
	}
	o := &reshape{}
	for i := range s.mapping.list {
		e := &s.mapping.list[i]
		c.columnName(e.name, e.at)
		o.put(e.name, c.compileExpression(&e.value, cols))
	}
	if len(o.list) == 0 {
		c.addf(s.mapping.at, "map without a column leaves nothing; name at least one")
	}
	return o.op()
}

func (c *checker) drop(s *stepConfig, cols *columns) operation {
	if cols == nil {
		return unknown{}
	}
	gone := c.columnsNamed(s.drop.items, cols)
	o := &reshape{}
	for i := range cols.list {
		if !slices.Contains(gone, i) {
			o.keep(cols, i)
		}
	}
	if len(o.list) == 0 {
		c.addf(s.drop.at, "drop leaves no column")
	}
	return o.op()
}

func (c *checker) selected(s *stepConfig, cols *columns) operation {
	if cols == nil {
		return unknown{}
	}
	o := &reshape{}
	kept := c.columnsNamed(s.selected.items, cols)
	if len(kept) < len(s.selected.items) {
		return &reshapeOp{columns: cols} // reported; what was meant is unknown, so all may be used
	}
	for _, i := range kept {
		o.keep(cols, i)
	}
	return o.op()
}

// columnsNamed finds columns by name.
func (c *checker) columnsNamed(names []text, cols *columns) []int {
	var out []int
	for _, t := range names {
		if !t.given() || cols == nil {
			continue
		}
		i := cols.find(strings.TrimSpace(t.value))
		if i < 0 {
			c.addf(t.at(), "unknown column %q%s", t.value, suggest(t.value, cols.names()))
			continue
		}
		if slices.Contains(out, i) {
			c.addf(t.at(), "the column %q stands here twice; remove one", t.value)
			continue
		}
		out = append(out, i)
	}
	return out
}

var reserved = []string{"true", "false", "nil", "in", "not", "and", "or", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"}

// columnName checks the name of a new column: it must be usable in expressions.
func (c *checker) columnName(name string, at place) {
	switch {
	case !variableName.MatchString(name):
		c.addf(at, "%q cannot be the name of a column; write letters, digits and _, with a letter first", name)
	case slices.Contains(reserved, name):
		c.addf(at, "%q is a word of the expression language; name the column otherwise", name)
	}
}
