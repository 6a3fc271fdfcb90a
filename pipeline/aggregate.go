package pipeline

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// aggregate is one call like avg(delay), compiled.
type aggregate struct {
	name   string
	call   string
	arg    *formula // nil for count()
	q      float64  // of quantile
	result kind
}

// aggregateCalls are the functions and how they are called.
var aggregateCalls = map[string]string{
	"count":    "count() or count(condition)",
	"sum":      "sum(number)",
	"min":      "min(value)",
	"max":      "max(value)",
	"avg":      "avg(number)",
	"quantile": "quantile(number, 0.99)",
	"distinct": "distinct(value)",
}

var aggregateCall = regexp.MustCompile(`(?s)^\s*([A-Za-z_][A-Za-z0-9_]*)\s*\((.*)\)\s*$`)

// compileAggregate reads a call like avg(delay).
func (r *report) compileAggregate(name string, e *expression, cols *columns) *aggregate {
	if e.node == nil {
		return nil
	}
	known := []string{"count", "sum", "min", "max", "avg", "quantile", "distinct"}
	m := aggregateCall.FindStringSubmatchIndex(e.value)
	if m == nil {
		r.addf(e.at(), "%q is not an aggregate; write a call of %s", e.value, strings.Join(known, ", "))
		return nil
	}
	a := &aggregate{name: name, call: e.value[m[2]:m[3]]}
	usage, ok := aggregateCalls[a.call]
	if !ok {
		r.addf(e.node.within(r, 1, len([]rune(e.value[:m[2]]))), "unknown aggregate %q%s", a.call, suggest(a.call, known))
		return nil
	}
	args, offsets := splitArguments(e.value[m[4]:m[5]])
	want := 1
	switch {
	case a.call == "quantile":
		want = 2
	case a.call == "count" && len(args) == 0:
		want = 0
	}
	if len(args) != want {
		r.addf(e.at(), "%s takes other arguments; write %s", a.call, usage)
		return nil
	}
	if want > 0 {
		if a.arg = r.compile(e.node, args[0], m[4]+offsets[0], cols); a.arg == nil {
			return nil
		}
	}
	if want == 2 {
		q, err := strconv.ParseFloat(strings.TrimSpace(args[1]), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			r.addf(e.node.within(r, 1, m[4]+offsets[1]), "a quantile is a number from 0 to 1, like 0.5 for the median")
			return nil
		}
		a.q = q
	}
	if !a.check() {
		r.addf(e.at(), "%s cannot take %s, which is of type %s; write %s", a.call, a.arg.source, a.arg.kind, usage)
		return nil
	}
	return a
}

// check decides the kind of the result, or finds that the argument is of the
// wrong kind.
func (g *aggregate) check() bool {
	number := g.arg != nil && (g.arg.kind == kindInt || g.arg.kind == kindFloat)
	switch g.call {
	case "count":
		g.result = kindInt
		return g.arg == nil || g.arg.kind == kindBool || g.arg.kind == kindAny
	case "distinct":
		g.result = kindInt
		return true
	case "sum":
		g.result = g.arg.kind
		return number || g.arg.kind == kindDuration
	case "avg":
		g.result = kindFloat
		if g.arg.kind == kindDuration {
			g.result = kindDuration
		}
		return number || g.arg.kind == kindDuration
	case "quantile":
		g.result = kindFloat
		return number
	}
	g.result = g.arg.kind // min, max
	return number || g.arg.kind == kindString || g.arg.kind == kindTime || g.arg.kind == kindDuration
}

// splitArguments cuts at the commas that are in no bracket and no quotes.
func splitArguments(s string) (args []string, offsets []int) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	depth, from := 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			args, offsets = append(args, s[from:i]), append(offsets, from)
			from = i + 1
		}
	}
	return append(args, s[from:]), append(offsets, from)
}

// tally is the state of all aggregates of one key (and one window).
type tally struct {
	keys  []any // the values of the key
	cells []cell
	err   error // the first thing that could not be computed
}

// cell is the state of one aggregate.
type cell struct {
	n      int64   // records counted
	i      int64   // sum of whole numbers and durations
	f      float64 // sum of floats
	lost   float64 // what rounding took off f (Neumaier)
	best   any     // of min and max
	sketch *sketch
	seen   *cardinality
}

// aggregates computes several aggregates over the same records.
type aggregates []*aggregate

// arguments evaluates the arguments of all aggregates for a record and appends
// them to values.
func (a aggregates) arguments(row *Row, values []any) ([]any, error) {
	for _, g := range a {
		var v any
		if g.arg != nil {
			var err error
			if v, err = g.arg.eval(row); err != nil {
				return nil, err
			}
			if err := g.accept(v); err != nil {
				return nil, err
			}
		}
		values = append(values, v)
	}
	return values, nil
}

// add takes the arguments of a record in. Null values are left out, as in SQL.
func (a aggregates) add(t *tally, arguments []any) {
	if t.cells == nil {
		t.cells = make([]cell, len(a))
	}
	for i, g := range a {
		if err := g.add(&t.cells[i], arguments[i]); err != nil && t.err == nil {
			t.err = err
		}
	}
}

// accept tells whether the aggregate can take a value.
func (g *aggregate) accept(v any) error {
	ok := true
	switch g.call {
	case "count":
		_, isBool := v.(bool)
		ok = v == nil || isBool
	case "distinct":
	default:
		ok = g.arg.kind.fits(v)
		if f, is := v.(float64); is && math.IsNaN(f) {
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%s(%s) cannot take %v", g.call, g.arg.source, v)
	}
	return nil
}

func (g *aggregate) add(c *cell, v any) error {
	if g.arg == nil {
		c.n++
		return nil
	}
	if v == nil {
		return nil
	}
	switch g.call {
	case "count":
		if v == true {
			c.n++
		}
	case "sum", "avg":
		return c.sum(v)
	case "min":
		if c.best == nil || less(v, c.best) {
			c.best = v
		}
	case "max":
		if c.best == nil || less(c.best, v) {
			c.best = v
		}
	case "quantile":
		return c.observe(v)
	case "distinct":
		if c.seen == nil {
			c.seen = &cardinality{}
		}
		c.seen.add(v)
	}
	return nil
}

func (c *cell) sum(v any) error {
	switch v := v.(type) {
	case int:
		return c.sumInt(int64(v))
	case time.Duration:
		return c.sumInt(int64(v))
	case float64:
		c.n++
		c.sumFloat(v)
	}
	return nil
}

func (c *cell) sumInt(v int64) error {
	s := c.i + v
	if (v > 0) != (s > c.i) && v != 0 {
		return fmt.Errorf("the sum is out of the range of whole numbers; sum float(...) instead")
	}
	c.n++
	c.i = s
	return nil
}

// sumFloat adds with Neumaier's compensation, so that the order of the records
// hardly matters.
func (c *cell) sumFloat(v float64) {
	s := c.f + v
	if math.Abs(c.f) >= math.Abs(v) {
		c.lost += (c.f - s) + v
	} else {
		c.lost += (v - s) + c.f
	}
	c.f = s
}

func (c *cell) observe(v any) error {
	x, ok := v.(float64)
	if !ok {
		x = float64(v.(int))
	}
	if c.sketch == nil {
		c.sketch = newSketch()
	}
	if err := c.sketch.add(x); err != nil {
		return fmt.Errorf("quantile cannot take %v: %w", x, err)
	}
	c.n++
	return nil
}

// merge adds what other holds to t. They share no memory afterwards.
func (a aggregates) merge(t, other *tally) {
	if other.cells == nil {
		return
	}
	if t.cells == nil {
		t.cells = make([]cell, len(a))
	}
	t.keys = other.keys
	if t.err == nil {
		t.err = other.err
	}
	for i, g := range a {
		if err := g.merge(&t.cells[i], &other.cells[i]); err != nil && t.err == nil {
			t.err = err
		}
	}
}

func (g *aggregate) merge(c, o *cell) error {
	switch {
	case o.best != nil:
		return g.add(c, o.best)
	case o.seen != nil:
		if c.seen == nil {
			c.seen = &cardinality{}
		}
		return c.seen.merge(o.seen)
	case o.sketch != nil:
		c.n += o.n
		if c.sketch == nil {
			c.sketch = newSketch()
		}
		c.sketch.merge(o.sketch)
		return nil
	}
	before := c.n
	if err := c.sumInt(o.i); err != nil {
		return err
	}
	c.n = before + o.n
	c.sumFloat(o.f)
	c.lost += o.lost
	return nil
}

// result appends the results in order. Aggregates of no value are null, but
// for counts, which are 0.
func (a aggregates) result(t *tally, to []any) []any {
	to = slices.Grow(to, len(a))
	for i, g := range a {
		var c cell
		if t.cells != nil {
			c = t.cells[i]
		}
		to = append(to, g.value(&c))
	}
	return to
}

func (g *aggregate) value(c *cell) any {
	switch g.call {
	case "count":
		return int(c.n)
	case "distinct":
		if c.seen == nil {
			return 0
		}
		return c.seen.count()
	case "min", "max":
		return c.best
	}
	if c.n == 0 {
		return nil
	}
	switch {
	case g.call == "quantile":
		return c.sketch.quantile(g.q)
	case g.call == "sum" && g.result == kindInt:
		return int(c.i)
	case g.call == "sum" && g.result == kindDuration:
		return time.Duration(c.i)
	case g.call == "sum":
		return c.f + c.lost
	case g.result == kindDuration:
		return time.Duration(c.i / c.n)
	case g.arg.kind == kindInt:
		return float64(c.i) / float64(c.n)
	}
	return (c.f + c.lost) / float64(c.n)
}

// less compares two values of the same kind.
func less(a, b any) bool {
	switch a := a.(type) {
	case int:
		return a < b.(int)
	case float64:
		return a < b.(float64)
	case string:
		return a < b.(string)
	case time.Duration:
		return a < b.(time.Duration)
	case time.Time:
		return a.Before(b.(time.Time))
	}
	return false
}
