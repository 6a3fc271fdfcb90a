package pipeline

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// jsonRows is a codec of rows as JSON objects, one a message.
type jsonRows struct {
	fields  []field
	columns *columns
	byName  map[string]int
	write   []int // columns to write, nil for all
}

func readJSON(fields []field, cols *columns) *jsonRows {
	r := &jsonRows{fields: fields, columns: cols, byName: map[string]int{}}
	for i, f := range fields {
		r.byName[f.input] = i
	}
	return r
}

// Decode implements codec.Codec. Members that no column declares are skipped;
// columns without a member are null.
func (c *jsonRows) Decode(data []byte, v *Row) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	values, err := c.decodeObject(d)
	if err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one JSON value in a record")
	}
	for i := range c.fields {
		if c.fields[i].required && values[i] == nil {
			return c.fields[i].errMissing()
		}
	}
	*v = Row{columns: c.columns, values: values}
	return nil
}

func (c *jsonRows) decodeObject(d *jsontext.Decoder) ([]any, error) {
	if d.PeekKind() != '{' {
		if _, err := d.ReadToken(); err != nil {
			return nil, fmt.Errorf("not valid JSON: %w", err)
		}
		return nil, fmt.Errorf("a JSON object is expected")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	values := make([]any, len(c.fields))
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("not valid JSON: %w", err)
		}
		i, ok := c.byName[name.String()]
		if !ok {
			if err := d.SkipValue(); err != nil {
				return nil, fmt.Errorf("not valid JSON: %w", err)
			}
			continue
		}
		if values[i], err = c.fields[i].decodeJSON(d); err != nil {
			return nil, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	return values, nil
}

func (f *field) decodeJSON(d *jsontext.Decoder) (any, error) {
	if f.kind == kindAny {
		var v any
		if err := json.UnmarshalDecode(d, &v); err != nil {
			return nil, f.errorf("%v", err)
		}
		return wholeNumbers(v, 0), nil
	}
	if k := d.PeekKind(); k == '{' || k == '[' {
		if err := d.SkipValue(); err != nil {
			return nil, f.errorf("%v", err)
		}
		return nil, f.errorf("a list or an object where the type is %s; declare the column as any", f.kind)
	}
	t, err := d.ReadToken()
	if err != nil {
		return nil, f.errorf("%v", err)
	}
	return f.fromToken(t)
}

func (f *field) fromToken(t jsontext.Token) (any, error) {
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		if f.kind == kindBool {
			return t.Bool(), nil
		}
	case '"':
		if f.kind == kindString {
			return t.String(), nil
		}
		if f.kind == kindTime || f.kind == kindDuration {
			return f.parse(t.String())
		}
	case '0':
		text := t.String()
		switch {
		case f.kind == kindInt:
			if v, err := strconv.Atoi(text); err == nil {
				return v, nil
			}
			if v, err := strconv.ParseFloat(text, 64); err == nil && v == float64(int(v)) {
				return int(v), nil
			}
		case f.kind == kindFloat:
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, f.errorf("%s is out of range", text)
			}
			return v, nil
		case f.kind == kindTime && (f.layout == "unix" || f.layout == "unix_ms"):
			return f.parseTime(text)
		}
	}
	return nil, f.errorf("%s is not of type %s", t.String(), f.kind)
}

// wholeNumbers turns floats without a fraction into ints, as expressions expect them.
func wholeNumbers(v any, depth int) any {
	if depth > maxDepth {
		return v
	}
	switch x := v.(type) {
	case float64:
		if x == float64(int(x)) && x > -1<<53 && x < 1<<53 {
			return int(x)
		}
	case []any:
		for i := range x {
			x[i] = wholeNumbers(x[i], depth+1)
		}
	case map[string]any:
		for k := range x {
			x[k] = wholeNumbers(x[k], depth+1)
		}
	}
	return v
}

// Append implements codec.Codec.
func (c *jsonRows) Append(dst []byte, v *Row) ([]byte, error) { return v.appendJSON(dst, c.write) }

func jsonText(v any) (string, error) {
	var b bytes.Buffer
	if err := writeJSON(jsontext.NewEncoder(&b), v); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// rawRows is a codec of messages taken as text into one column.
type rawRows struct {
	columns *columns
	write   int
}

// Decode implements codec.Codec.
func (c *rawRows) Decode(data []byte, v *Row) error {
	*v = Row{columns: c.columns, values: []any{string(data)}}
	return nil
}

// Append implements codec.Codec.
func (c *rawRows) Append(dst []byte, v *Row) ([]byte, error) {
	s, err := plainText(v.values[c.write], time.RFC3339Nano)
	if err != nil {
		return dst, err
	}
	return append(dst, s...), nil
}
