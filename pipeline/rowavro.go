package pipeline

import (
	"fmt"
	"os"
	"time"

	"github.com/affluxdev/afflux/codec"
)

// avroRows is a codec of rows as Avro records with a given schema, whose fields
// are matched by name.
type avroRows struct {
	codec   codec.Codec[map[string]any]
	fields  []field
	columns *columns
	write   []int
}

// maxSchema bounds an Avro schema in bytes.
const maxSchema = 1 << 20

func (c *checker) avroCodec(f *formatConfig, fields []field, cols *columns) codec.Codec[Row] {
	text := f.schemaText
	switch {
	case f.schemaText.given() && f.schemaFile.given():
		c.addf(f.schemaFile.at(), "the schema is given twice; write schema or schema_file, not both")
		return nil
	case f.schemaFile.given():
		info, err := os.Stat(f.schemaFile.value)
		if err == nil && info.Size() > maxSchema {
			err = fmt.Errorf("%s has more than %d bytes", f.schemaFile.value, maxSchema)
		}
		var data []byte
		if err == nil {
			data, err = os.ReadFile(f.schemaFile.value)
		}
		if err != nil {
			c.addf(f.schemaFile.at(), "the Avro schema cannot be read: %v", err)
			return nil
		}
		text = f.schemaFile
		text.value = string(data)
	case !f.schemaText.given():
		c.addf(f.format.at(), "format: avro needs schema: or schema_file:")
		return nil
	}
	inner, err := codec.Avro[map[string]any](text.value)
	if err != nil {
		c.addf(text.at(), "%v", err)
		return nil
	}
	a := &avroRows{codec: inner, fields: fields, columns: cols}
	for i := range fields {
		a.write = append(a.write, i)
	}
	return a
}

// Decode implements codec.Codec.
func (a *avroRows) Decode(data []byte, v *Row) error {
	var record map[string]any
	if err := a.codec.Decode(data, &record); err != nil {
		return err
	}
	values := make([]any, len(a.fields))
	for i := range a.fields {
		f := &a.fields[i]
		x, ok := record[f.input]
		if !ok {
			return fmt.Errorf("the schema has no field %q", f.input)
		}
		x, err := f.timed(normal(x))
		if err != nil {
			return err
		}
		x, err = f.kind.coerce(x)
		if err != nil {
			return f.errorf("%v", err)
		}
		if x == nil && f.required {
			return f.errMissing()
		}
		values[i] = x
	}
	*v = Row{columns: a.columns, values: values}
	return nil
}

// timed makes a time or a duration of a text or a number where the column is
// one; other values stay.
func (f *field) timed(v any) (any, error) {
	if f.kind == kindDuration {
		if s, ok := v.(string); ok {
			return f.parse(s)
		}
		return v, nil
	}
	if f.kind != kindTime {
		return v, nil
	}
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), nil
	case string:
		return f.parse(v)
	case int:
		if f.layout == "unix" || f.layout == "unix_ms" {
			return f.fromUnix(float64(v))
		}
	case float64:
		if f.layout == "unix" || f.layout == "unix_ms" {
			return f.fromUnix(v)
		}
	}
	return v, nil
}

// Append implements codec.Codec.
func (a *avroRows) Append(dst []byte, v *Row) ([]byte, error) {
	record := make(map[string]any, len(a.write))
	for _, i := range a.write {
		x := v.values[i]
		switch t := x.(type) {
		case int:
			x = int64(t)
		case time.Duration:
			x = t.String()
		}
		record[a.columns.list[i].name] = x
	}
	return a.codec.Append(dst, &record)
}
