package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

// topOp takes the records of each key and window for which a formula is
// largest.
type topOp struct {
	in       *columns
	columns  *columns
	kept     []int // where each column of the input goes, -1 for one that is replaced
	rank     int   // where the place goes, -1 for nowhere
	key      *keyFormulas
	by       *formula
	n        int
	window   window.Definition
	lateness time.Duration
}

func (c *checker) top(s *stepConfig, cols *columns, timed bool) operation {
	t := &s.top.value
	if !s.window.given {
		c.addf(s.top.at, "top needs windows: without an end there is no result; add window, like {tumbling: 1h}")
	}
	windows, lateness := c.timedWindows(&s.window, cols != nil && !timed)
	if cols == nil {
		return unknown{}
	}
	o := &topOp{in: cols, rank: -1, key: c.keys(&s.keyBy, cols), by: c.compileExpression(&t.by, cols), n: t.n.or(1), window: windows, lateness: lateness}
	if o.by != nil && (o.by.kind == kindAny || o.by.kind == kindBool) {
		c.addf(t.by.at(), "records are ranked by a number, text, time or duration, but %s is of type %s; convert it, like float(%s)", o.by.source, o.by.kind, o.by.source)
	}
	list := []column{{windowStart, kindTime}, {windowEnd, kindTime}}
	for _, col := range cols.list {
		at := len(list)
		if col.name == windowStart || col.name == windowEnd || t.rank.given() && col.name == t.rank.value {
			at = -1
		} else {
			list = append(list, col)
		}
		o.kept = append(o.kept, at)
	}
	if t.rank.given() {
		c.columnName(t.rank.value, t.rank.at())
		if t.rank.value == windowStart || t.rank.value == windowEnd {
			c.addf(t.rank.at(), "%q is the column of the window's bound; choose another name", t.rank.value)
		}
		o.rank, list = len(list), append(list, column{t.rank.value, kindInt})
	}
	o.columns = newColumns(list)
	return o
}

func (o *topOp) outputs() []output {
	return []output{{columns: o.columns}, {branch: "late", columns: o.in, optional: true}}
}

// prepare computes the key and what the record is ranked by.
func (o *topOp) prepare(row *Row, emit func(keyed)) error {
	key, _, err := o.key.of(row, 0)
	if err != nil {
		return err
	}
	by, err := o.by.evalTo(row, o.by.kind)
	if err != nil || by == nil {
		return err
	}
	if f, ok := by.(float64); ok && math.IsNaN(f) {
		return fmt.Errorf("in %q: the value is not a number and has no rank", o.by.source)
	}
	emit(keyed{key: key, row: *row, values: []any{by}})
	return nil
}

func (o *topOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	windows := in[0].FlatMap(s.name+".key", o.prepare, afflux.OnError(s.policy)).
		KeyBy(s.name, keyOf).Window(o.window, afflux.AllowedLateness(o.lateness))
	results := windows.Aggregate(s.name, o.ranking(), s.options...)
	out := []*afflux.Stream[Row]{results.FlatMap(s.name+".row", o.rows), nil}
	if s.outputs[1].read {
		out[1] = results.Late().Map(s.name+".late", rowOf)
	}
	return out
}

// ranking is afflux.Top by values of the formula's kind.
func (o *topOp) ranking() afflux.Aggregator[keyed, []keyed, []keyed] {
	switch o.by.kind {
	case kindInt:
		return afflux.Top(o.n, rankOf[int])
	case kindFloat:
		return afflux.Top(o.n, rankOf[float64])
	case kindString:
		return afflux.Top(o.n, rankOf[string])
	case kindDuration:
		return afflux.Top(o.n, rankOf[time.Duration])
	}
	return afflux.Top(o.n, func(k *keyed) event.Time { return event.At(k.values[0].(time.Time)) })
}

func rankOf[N cmp.Ordered](k *keyed) N { return k.values[0].(N) }

func (o *topOp) rows(r *window.Result[string, []keyed], emit func(Row)) error {
	for place := range r.Value {
		values := make([]any, len(o.columns.list))
		values[0], values[1] = stdTime(r.Start), stdTime(r.End)
		for i, v := range r.Value[place].row.values {
			if at := o.kept[i]; at >= 0 {
				values[at] = v
			}
		}
		if o.rank >= 0 {
			values[o.rank] = place + 1
		}
		emit(Row{columns: o.columns, values: values})
	}
	return nil
}
