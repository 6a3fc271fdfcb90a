package pipeline

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/connector/generator"
	"github.com/affluxdev/afflux/event"
)

// sourcePlan is a source that has been checked.
type sourcePlan struct {
	name    string
	source  connector.Source[Row]
	columns *columns
	fields  []*formula // of a generator: computed from its columns i and due
	time    int        // column with the event time, -1 for the connector's own
	timed   bool
	order   afflux.Disorder
	options []afflux.Option
	policy  afflux.Policy
}

func (c *checker) source(e *named[sourceConfig]) {
	s := &e.value
	c.operator(e.name, e.at)
	p := &sourcePlan{name: e.name, time: -1, policy: c.policy(s.onError)}
	if s.parallelism.given() {
		p.options = append(p.options, afflux.Parallelism(max(s.parallelism.or(1), 1)))
	}
	var fields []field
	switch {
	case s.file.given && s.kafka.given, s.file.given && s.generator.given, s.kafka.given && s.generator.given:
		c.addf(e.at, "a source has one of file, kafka and generator; make a source of each")
	case s.generator.given:
		c.generated(e, p)
	case s.file.given || s.kafka.given:
		fields = c.fields(e)
	default:
		c.addf(e.at, "where does %q come from? add file, kafka or generator", e.name)
	}
	if fields != nil {
		list := make([]column, len(fields))
		for i, f := range fields {
			list[i] = f.column
		}
		p.columns = newColumns(list)
	}
	p.timed = s.eventTime.given
	if s.eventTime.given {
		t := &s.eventTime.value
		p.order = afflux.OutOfOrder(t.outOfOrderness.value).IdleAfter(t.idleAfter.value)
		c.timeColumn(e, p)
	}
	if p.time >= 0 && fields != nil {
		fields[p.time].required = true
	}
	if fields != nil && s.file.given {
		p.source = c.fileSource(&s.file.value, fields, p.columns)
	} else if fields != nil {
		p.source = c.kafkaSource(&s.kafka.value, fields, p.columns)
	}
	c.define(&stream{name: e.name, at: e.at, columns: p.columns, timed: p.timed})
	c.plan.sources = append(c.plan.sources, p)
}

// timeColumn finds the column with the event time.
func (c *checker) timeColumn(e *named[sourceConfig], p *sourcePlan) {
	t := &e.value.eventTime.value
	if !t.column.given() {
		if e.value.file.given {
			c.addf(e.value.eventTime.at, "a file gives no times of its own; add column: with the name of a column of type time")
		}
		return
	}
	if p.columns == nil {
		return
	}
	p.time = p.columns.find(t.column.value)
	switch {
	case p.time < 0:
		c.addf(t.column.at(), "unknown column %q%s", t.column.value, suggest(t.column.value, p.columns.names()))
	case e.value.generator.given && p.fields[p.time] == nil:
		p.time = -1 // its expression is wrong, which has been reported
	case !e.value.generator.given && e.value.columns.list[p.time].value.kind.value == "":
		p.time = -1 // its type is wrong, which has been reported
	case p.columns.list[p.time].kind != kindTime:
		c.addf(t.column.at(), "the column %q is of type %s; declare it as time to take event times from it", t.column.value, p.columns.list[p.time].kind)
		p.time = -1
	}
}

// fields are the columns that a file or topic is read into; nil after a
// mistake that leaves nothing to go on with.
func (c *checker) fields(e *named[sourceConfig]) []field {
	s := &e.value
	raw := s.file.value.formatName() == "raw" || s.kafka.value.format.value == "raw"
	if len(s.columns.list) == 0 {
		if raw {
			return []field{{column: column{"value", kindString}, input: "value"}}
		}
		c.addf(e.at, "the source %q needs columns, like columns: {id: string, amount: float, at: time}; the types are %s", e.name, strings.Join(kindNames, ", "))
		return nil
	}
	var out []field
	for i := range s.columns.list {
		col := &s.columns.list[i]
		c.columnName(col.name, col.at)
		out = append(out, c.field(col.name, &col.value))
	}
	if raw && (len(out) != 1 || out[0].kind != kindString) {
		c.addf(s.columns.at, "raw input has one column of type string; write columns: {value: string}")
	}
	return out
}

// field checks the declaration of a column.
func (c *checker) field(name string, d *columnConfig) field {
	k, _ := kindByName(d.kind.value)
	f := field{column: column{name, k}, input: d.from.or(name), layout: d.layout.value}
	if d.layout.given() && d.kind.value != "" && k != kindTime {
		c.addf(d.layout.at(), "a layout is for times, but the column %q is of type %s", name, k)
	}
	return f
}

func (c *checker) fileSource(f *fileSourceConfig, fields []field, cols *columns) connector.Source[Row] {
	var options []file.Option
	switch f.formatName() {
	case "csv":
		options = append(options, file.Rows[Row](readCSV(fields, cols)), file.Comma(c.delimiter(f.delimiter)))
		if f.header.given() && !f.header.value {
			options = append(options, file.Header(inputsOf(fields)...))
		}
	case "json":
		options = append(options, file.Lines[Row](readJSON(fields, cols)))
	case "raw":
		options = append(options, file.Lines[Row](&rawRows{columns: cols}))
	default:
		if f.path.given() && !f.format.given() {
			c.addf(f.path.at(), "the name %q does not tell the format; add format: csv, json or raw", f.path.value)
		}
		return nil
	}
	if f.path.given() && f.path.value == "" {
		c.addf(f.path.at(), "the path is empty")
	}
	return file.Source[Row](f.path.value, options...)
}

// formatName is the format of a file, given or by its path.
func (c *fileSourceConfig) formatName() string {
	if c.format.given() {
		return c.format.value
	}
	return formatOfPath(c.path.value)
}

// formatOfPath is the format by a path's ending, or nothing.
func formatOfPath(path string) string {
	p := strings.ToLower(path)
	for _, c := range []string{".gz", ".zst"} {
		p = strings.TrimSuffix(p, c)
	}
	switch {
	case strings.HasSuffix(p, ".csv"):
		return "csv"
	case strings.HasSuffix(p, ".jsonl"), strings.HasSuffix(p, ".ndjson"), strings.HasSuffix(p, ".json"):
		return "json"
	case strings.HasSuffix(p, ".txt"), strings.HasSuffix(p, ".log"):
		return "raw"
	}
	return ""
}

func inputsOf(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.input
	}
	return out
}

// delimiter is the separator of CSV.
func (c *checker) delimiter(t text) byte {
	switch d := t.or(","); {
	case d == `\t`:
		return '\t'
	case len(d) != 1 || d == `"` || d == "\n" || d == "\r":
		c.addf(t.at(), "the delimiter %q is not a single character; write one, like \";\" or \"\\t\"", d)
		return ','
	default:
		return d[0]
	}
}

// messageCodec is the codec of the values of messages.
func (c *checker) messageCodec(f *formatConfig, fields []field, cols *columns) codec.Codec[Row] {
	if f.format.value != "avro" && (f.schemaText.given() || f.schemaFile.given()) {
		at := f.schemaText.at()
		if !f.schemaText.given() {
			at = f.schemaFile.at()
		}
		c.addf(at, "a schema belongs to format: avro")
	}
	switch f.format.or("json") {
	case "csv":
		rows, err := codec.CSVRow[Row](readCSV(fields, cols), c.delimiter(f.delimiter), inputsOf(fields)...)
		if err != nil {
			c.addf(f.format.at(), "%v", err)
			return nil
		}
		return rows
	case "raw":
		return &rawRows{columns: cols}
	case "avro":
		return c.avroCodec(f, fields, cols)
	}
	return readJSON(fields, cols)
}

// generated checks a generator: its fields are computed behind it, because an
// expression can fail and a generator cannot.
func (c *checker) generated(e *named[sourceConfig], p *sourcePlan) {
	g := &e.value.generator.value
	if e.value.columns.at != (place{}) {
		c.addf(e.value.columns.at, "the columns of a generator are its fields; remove columns")
	}
	base := newColumns([]column{{"i", kindInt}, {"due", kindTime}})
	shape := &reshape{}
	for i := range g.fields.list {
		f := &g.fields.list[i]
		c.columnName(f.name, f.at)
		shape.put(f.name, c.compileExpression(&f.value, base))
	}
	p.columns, p.fields = newColumns(shape.list), shape.formulas
	var options []generator.Option
	if g.count.given() {
		options = append(options, generator.Count(g.count.value))
	}
	if g.duration.given() {
		options = append(options, generator.For(g.duration.value))
	}
	if g.maxBacklog.given() {
		options = append(options, generator.MaxBacklog(g.maxBacklog.value))
	}
	if g.rate.given() {
		if profile, ok := c.profile(&g.rate); ok {
			options = append(options, generator.Rate(profile))
		}
	}
	p.source = generator.Timed(func(i int64, due event.Time, row *Row) {
		*row = Row{columns: base, values: []any{int(i), due.Std()}}
	}, options...)
}

// profile is the rate of a generator.
func (c *checker) profile(r *rateConfig) (generator.Profile, bool) {
	given := 0
	var out generator.Profile
	choose := func(is bool, p func() generator.Profile) {
		if is {
			given++
			out = p()
		}
	}
	choose(r.constant.given(), func() generator.Profile { return generator.Constant(r.constant.value) })
	choose(r.ramp.given, func() generator.Profile {
		v := &r.ramp.value
		return generator.Ramp(v.from.value, v.to.value, v.in.value)
	})
	choose(r.spike.given, func() generator.Profile {
		v := &r.spike.value
		from := v.at.value
		return generator.Spike(v.base.value, v.peak.value, from, from+v.lasts.value, v.rise.value, v.fall.value)
	})
	choose(r.sine.given, func() generator.Profile {
		v := &r.sine.value
		return generator.Sine(v.mean.value, v.amplitude.value, max(v.period.value, 1))
	})
	choose(r.bursts.given, func() generator.Profile {
		v := &r.bursts.value
		return generator.Bursts(v.base.value, v.peak.value, v.lasts.value, max(v.period.value, 1))
	})
	choose(r.trace.given(), func() generator.Profile { return c.trace(r.trace) })
	if given != 1 && len(c.all) == 0 {
		c.addf(r.at(), "a rate is a number, or one of constant, ramp, spike, sine, bursts and trace")
	}
	return out, given == 1 && len(c.all) == 0
}

func (c *checker) trace(path text) generator.Profile {
	f, err := os.Open(path.value)
	if err != nil {
		c.addf(path.at(), "the trace cannot be read: %v", err)
		return generator.Profile{}
	}
	defer func() { _ = f.Close() }()
	p, err := generator.Trace(f)
	if err != nil {
		c.addf(path.at(), "the trace %s: %v", path.value, err)
	}
	return p
}

// build adds the source to a job.
func (p *sourcePlan) build(j *afflux.Job) *afflux.Stream[Row] {
	options := append(p.options, afflux.OnError(p.policy))
	s := afflux.From(j, p.name, p.source, options...)
	if p.timed && p.time < 0 {
		s = s.Watermarks(p.order)
	}
	if p.fields != nil {
		o := &reshapeOp{columns: p.columns, formulas: p.fields}
		s = s.TryMap(p.name+".fields", o.apply, afflux.OnError(p.policy))
	}
	if p.time >= 0 {
		s = s.EventTime(eventTimeOf(p.time), p.order)
	}
	return s
}

func eventTimeOf(column int) func(*Row) event.Time {
	return func(r *Row) event.Time {
		t, ok := r.values[column].(time.Time)
		if !ok {
			return event.MinTime // ruled out where the row is read, but for computed columns
		}
		return event.At(t)
	}
}

// errMissing says that a column that must have a value has none.
func (f *field) errMissing() error {
	return fmt.Errorf("column %s has no value, but it is the event time", f.input)
}
