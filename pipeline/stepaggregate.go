package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// aggregateOp computes aggregates by key, in windows or rolling.
type aggregateOp struct {
	in         *columns
	columns    *columns
	keys       *keyFormulas
	aggregates aggregates
	window     window.Definition // nil: rolling
	lateness   time.Duration
}

// The columns that results of windows begin with.
const (
	windowStart = "window_start"
	windowEnd   = "window_end"
)

func (c *checker) aggregate(s *stepConfig, cols *columns, timed bool) operation {
	windows, lateness := c.timedWindows(&s.window, cols != nil && !timed)
	if cols == nil {
		return unknown{}
	}
	o := &aggregateOp{in: cols, keys: &keyFormulas{}, window: windows, lateness: lateness}
	var list []column
	add := func(name string, k kind, at place) {
		for _, col := range list {
			if col.name == name {
				c.addf(at, "there is a column %q in the result already; choose another name", name)
				return
			}
		}
		list = append(list, column{name, k})
	}
	if s.window.given {
		add(windowStart, kindTime, s.window.at)
		add(windowEnd, kindTime, s.window.at)
	}
	for i := range s.keyBy.items {
		e := &s.keyBy.items[i]
		f := c.compileExpression(e, cols)
		if f == nil {
			f = &formula{source: e.value, column: -1}
		}
		name := f.source
		if f.column < 0 {
			if name = "key"; len(s.keyBy.items) > 1 {
				name = fmt.Sprintf("key_%d", i+1)
			}
		}
		o.keys.formulas = append(o.keys.formulas, f)
		add(name, f.kind, e.at())
	}
	o.keys.decide()
	for i := range s.aggregate.list {
		e := &s.aggregate.list[i]
		c.columnName(e.name, e.at)
		a := c.compileAggregate(e.name, &e.value, cols)
		k := kindAny
		if a != nil {
			o.aggregates = append(o.aggregates, a)
			k = a.result
		}
		add(e.name, k, e.at)
	}
	if len(s.aggregate.list) == 0 {
		c.addf(s.aggregate.at, "aggregate computes nothing; add a column, like n: count()")
	}
	o.columns = newColumns(list)
	return o
}

// timedWindows is windows and how late records may come, if the section is
// given. Where times are missing it says so.
func (c *checker) timedWindows(w *optional[windowConfig], untimed bool) (window.Definition, time.Duration) {
	if !w.given {
		return nil, 0
	}
	if untimed {
		c.addf(w.at, "a window needs event times; add event_time: {column: ..., out_of_orderness: ...} to the source")
	}
	return c.windows(&w.value, w.at), w.value.lateness.value
}

// windows is what the section says, nil when that has no sense.
func (c *checker) windows(w *windowConfig, at place) window.Definition {
	var d window.Definition
	offset := window.Offset(w.offset.value)
	var valid bool
	switch {
	case w.tumbling.given() && w.sliding.given:
		c.addf(w.sliding.at, "a window is tumbling or sliding, not both; remove one")
		return nil
	case w.session.given() && (w.tumbling.given() || w.sliding.given):
		c.addf(at, "a window is a session, tumbling or sliding; keep one of them")
		return nil
	case w.session.given() && w.offset.value != 0:
		c.addf(at, "a session begins with a record: it has no offset; remove it")
		return nil
	case w.session.given():
		d, valid = window.Session(w.session.value), w.session.value > 0
	case w.tumbling.given():
		d, valid = window.Tumbling(w.tumbling.value, offset), w.tumbling.value > 0
	case w.sliding.given:
		d = window.Sliding(w.sliding.value.size.value, w.sliding.value.slide.value, offset)
		valid = w.sliding.value.size.value > 0 && w.sliding.value.slide.value > 0
	default:
		c.addf(at, "which windows? write tumbling: 1h, sliding: {size: 1m, slide: 10s}, or session: 30m")
		return nil
	}
	if err := d.Err(); err != nil && valid { // else it has been reported where it was read
		c.addf(at, "%v", err)
		return nil
	}
	return d
}

func (o *aggregateOp) outputs() []output {
	main := output{columns: o.columns}
	if o.window == nil {
		return []output{main}
	}
	return []output{main, {branch: "late", columns: o.in, optional: true}}
}

// outcome is what a key (and window) comes to.
type outcome struct {
	values []any
	err    error
}

// PayloadBytes implements event.Sized.
func (o outcome) PayloadBytes() int { return Row{values: o.values}.PayloadBytes() }

func (o *aggregateOp) prepare(row *Row) (keyed, error) {
	key, values, err := o.keys.of(row, len(o.aggregates))
	if err != nil {
		return keyed{}, err
	}
	if values, err = o.aggregates.arguments(row, values); err != nil {
		return keyed{}, err
	}
	return keyed{key: key, row: *row, values: values}, nil
}

func (o *aggregateOp) aggregator() afflux.Aggregator[keyed, tally, outcome] {
	n := len(o.keys.formulas)
	return afflux.Aggregator[keyed, tally, outcome]{
		Add: func(t *tally, k *keyed) {
			if t.cells == nil {
				t.keys = slices.Clone(k.values[:n])
			}
			o.aggregates.add(t, k.values[n:])
		},
		Merge: o.aggregates.merge,
		Result: func(t *tally) outcome {
			if t.err != nil {
				return outcome{err: t.err}
			}
			front := 0
			if o.window != nil {
				front = 2 // the bounds of the window, filled in by row
			}
			values := make([]any, front, len(o.columns.list))
			values = append(values, t.keys...)
			return outcome{values: o.aggregates.result(t, values)}
		},
	}
}

func (o *aggregateOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	keyed := in[0].TryMap(s.name+".key", o.prepare, afflux.OnError(s.policy)).KeyBy(s.name, keyOf)
	if o.window == nil {
		results := keyed.Aggregate(s.name, o.aggregator(), s.options...)
		return []*afflux.Stream[Row]{results.TryMap(s.name+".row", func(kv *afflux.KV[string, outcome]) (Row, error) {
			return Row{columns: o.columns, values: kv.Value.values}, kv.Value.err
		}, afflux.OnError(s.policy))}
	}
	results := keyed.Window(o.window, afflux.AllowedLateness(o.lateness)).Aggregate(s.name, o.aggregator(), s.options...)
	out := []*afflux.Stream[Row]{results.TryMap(s.name+".row", o.row, afflux.OnError(s.policy)), nil}
	if s.outputs[1].read {
		out[1] = results.Late().Map(s.name+".late", rowOf)
	}
	return out
}

func (o *aggregateOp) row(r *window.Result[string, outcome]) (Row, error) {
	if r.Value.err != nil {
		return Row{}, r.Value.err
	}
	values := r.Value.values
	values[0], values[1] = stdTime(r.Start), stdTime(r.End)
	return Row{columns: o.columns, values: values}, nil
}

func stdTime(t event.Time) any { return t.Std() }
