package pipeline

import (
	"slices"
	"time"

	"github.com/affluxdev/afflux"
)

// deduplicateOp passes on one record of each key.
type deduplicateOp struct {
	columns *columns
	key     *keyFormulas
	within  time.Duration
	keep    string
}

func (c *checker) deduplicate(s *stepConfig, cols *columns, timed bool) operation {
	d := &s.deduplicate.value
	byTime := d.keep.value == "first" || d.keep.value == "last"
	if byTime && d.within.given() {
		c.addf(d.within.at(), "keep: %s goes by event times and remembers every key; remove within", d.keep.value)
	}
	if cols == nil {
		return unknown{}
	}
	if byTime && !timed {
		c.addf(d.keep.at(), "keep: %s needs event times; add event_time: {column: ..., out_of_orderness: ...} to the source", d.keep.value)
	}
	if d.key.given && len(d.key.items) == 0 {
		c.addf(d.key.at, "the key is empty, so that all records would be duplicates; name a column")
	}
	return &deduplicateOp{columns: cols, key: c.keys(&d.key, cols), within: d.within.value, keep: d.keep.or("arrival")}
}

func (o *deduplicateOp) outputs() []output { return []output{{columns: o.columns}} }

func (o *deduplicateOp) build(s *stepPlan, in []*afflux.Stream[Row]) []*afflux.Stream[Row] {
	records := in[0].TryMap(s.name+".key", o.key.keyed, afflux.OnError(s.policy)).KeyBy(s.name, keyOf)
	options := slices.Clip(s.options)
	var passed *afflux.Stream[keyed]
	switch o.keep {
	case "first":
		passed = records.First(s.name, options...)
	case "last":
		passed = records.Last(s.name, options...)
	default:
		passed = records.Deduplicate(s.name, o.within, options...)
	}
	return []*afflux.Stream[Row]{passed.Map(s.name+".row", rowOf)}
}
