package pipeline

import (
	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/connector/blackhole"
	"github.com/affluxdev/afflux/connector/file"
	"github.com/affluxdev/afflux/event"
)

// sinkPlan is a sink that has been checked.
type sinkPlan struct {
	name    string
	from    string
	sink    connector.Sink[Row]
	options []afflux.Option
}

func (c *checker) sink(e *named[sinkConfig]) {
	s := &e.value
	c.operator(e.name, e.at)
	p := &sinkPlan{name: e.name, options: []afflux.Option{afflux.OnError(c.policy(s.onError))}}
	if s.parallelism.given() {
		p.options = append(p.options, afflux.Parallelism(max(s.parallelism.or(1), 1)))
	} else if s.file.given { // several subtasks would write several files
		p.options = append(p.options, afflux.Parallelism(1))
	}
	var in *stream
	if s.from.given() {
		in = c.reads(s.from)
	} else {
		in = c.fallback(len(c.config.steps.items), e.at, "this sink")
	}
	var cols *columns
	if in != nil {
		p.from, cols = in.name, in.columns
	}
	given := 0
	for _, g := range []bool{s.file.given, s.stdout.given, s.kafka.given, s.blackhole.given} {
		if g {
			given++
		}
	}
	switch {
	case given == 0:
		c.addf(e.at, "where does %q go? add file, stdout, kafka or blackhole", e.name)
	case given > 1:
		c.addf(e.at, "a sink has one of file, stdout, kafka and blackhole; make a sink of each")
	case s.file.given:
		p.sink = c.fileSink(s.file.value.path, &s.file.value.rowFormatConfig, cols)
	case s.stdout.given:
		t := &s.stdout.value
		path := text{value: "-"}
		if !t.format.given() {
			t.format.value = "json"
		}
		p.sink = c.fileSink(path, &t.rowFormatConfig, cols)
	case s.kafka.given:
		p.sink = c.kafkaSink(&s.kafka.value, cols)
	case s.blackhole.given:
		p.sink = c.hole(&s.blackhole.value)
	}
	c.plan.sinks = append(c.plan.sinks, p)
}

func (c *checker) hole(h *blackholeConfig) connector.Sink[Row] {
	if !h.rate.given() {
		return blackhole.Sink[Row]()
	}
	if h.rate.value <= 0 {
		c.addf(h.rate.at(), "a rate of %v takes nothing; write a positive number", h.rate.value)
	}
	return blackhole.Sink[Row](blackhole.Rate(h.rate.value))
}

// written is the columns that a sink writes.
func (c *checker) written(names list[text], cols *columns) []int {
	if cols == nil {
		return nil
	}
	if names.given {
		return c.columnsNamed(names.items, cols)
	}
	all := make([]int, len(cols.list))
	for i := range all {
		all[i] = i
	}
	return all
}

func (c *checker) fileSink(path text, f *rowFormatConfig, cols *columns) connector.Sink[Row] {
	which := c.written(f.columns, cols)
	format := f.format.value
	if format == "" && !f.format.given() {
		format = formatOfPath(path.value)
	}
	if path.given() && path.value == "" {
		c.addf(path.at(), "the path is empty")
		return nil
	}
	switch {
	case format == "" && path.given():
		if !f.format.given() {
			c.addf(path.at(), "the name %q does not tell the format; add format: csv, json or raw", path.value)
		}
		return nil
	case cols == nil || format == "":
		return nil
	}
	if format != "csv" {
		for _, t := range []spot{f.delimiter.spot, f.header.spot, f.layout.spot} {
			if t.given() {
				c.addf(t.at(), "this is for format: csv, but the format is %s", format)
			}
		}
	}
	comma := c.delimiter(f.delimiter)
	if format == "csv" {
		rows := writeCSV(cols, which, f.layout.value)
		if !f.header.given() || f.header.value {
			return file.Sink[Row](path.value, file.Rows[Row](rows), file.Comma(comma))
		}
		lines, err := codec.CSVRow[Row](rows, comma)
		if err != nil {
			c.addf(f.format.at(), "%v", err)
			return nil
		}
		return file.Sink[Row](path.value, file.Lines[Row](lines))
	}
	fc := &formatConfig{format: f.format}
	fc.format.value, fc.format.node = format, path.node
	coder := c.writer(fc, f.layout, cols, which)
	if coder == nil {
		return nil
	}
	return file.Sink[Row](path.value, file.Lines[Row](coder))
}

// writer is the codec that writes rows as messages.
func (c *checker) writer(f *formatConfig, layout text, cols *columns, which []int) codec.Codec[Row] {
	if cols == nil {
		return nil
	}
	var fields []field
	for _, i := range which {
		fields = append(fields, field{column: cols.list[i], input: cols.list[i].name})
	}
	switch f.format.or("json") {
	case "csv":
		rows, err := codec.CSVRow[Row](writeCSV(cols, which, layout.value), c.delimiter(f.delimiter))
		if err != nil {
			c.addf(f.format.at(), "%v", err)
			return nil
		}
		return rows
	case "raw":
		if len(which) != 1 {
			c.addf(f.format.at(), "raw output is one column; name it with columns: [name]")
			return nil
		}
		return &rawRows{columns: cols, write: which[0]}
	case "avro":
		a, ok := c.avroCodec(f, fields, cols).(*avroRows)
		if !ok {
			return nil
		}
		a.write = which
		return a
	}
	return &jsonRows{columns: cols, write: which}
}

// letters is the dead-letter sink.
func (c *checker) letters() connector.Sink[event.DeadLetter] {
	d := &c.config.deadLetters
	if !d.given {
		return nil
	}
	switch l := &d.value; {
	case l.file.given && l.kafka.given:
		c.addf(d.at, "dead letters go to file or kafka, not both; remove one")
	case l.file.given:
		if l.file.value.path.value == "" {
			return nil
		}
		return file.Sink[event.DeadLetter](l.file.value.path.value, file.JSON())
	case l.kafka.given:
		return c.letterTopic(&l.kafka.value)
	default:
		c.addf(d.at, "where do dead letters go? write file: {path: rejected.jsonl}, or kafka")
	}
	return nil
}
