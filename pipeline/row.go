package pipeline

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"time"
)

// Row is the record of a pipeline: values side by side, described by columns
// that all rows of a stream share. A row is immutable once it has been handed
// on: several streams may hold the same one.
type Row struct {
	columns *columns
	values  []any
}

// columns describes the rows of a stream. It is immutable.
type columns struct {
	list  []column
	index map[string]int
}

type column struct {
	name string
	kind kind
}

func newColumns(list []column) *columns {
	c := &columns{list: list, index: make(map[string]int, len(list))}
	for i, col := range list {
		c.index[col.name] = i
	}
	return c
}

func (c *columns) names() []string {
	out := make([]string, len(c.list))
	for i, col := range c.list {
		out[i] = col.name
	}
	return out
}

func (c *columns) find(name string) int {
	if i, ok := c.index[name]; ok {
		return i
	}
	return -1
}

func (c *columns) equal(o *columns) bool { return c == o || slices.Equal(c.list, o.list) }

// Get returns the value of a column, and whether there is such a column.
// Values are nil, bool, int, float64, string, time.Time, time.Duration, []any
// or map[string]any, not to be changed.
func (r Row) Get(name string) (any, bool) {
	if r.columns == nil {
		return nil, false
	}
	i := r.columns.find(name)
	if i < 0 {
		return nil, false
	}
	return r.values[i], true
}

// Columns returns the names of the columns in order.
func (r Row) Columns() []string {
	if r.columns == nil {
		return nil
	}
	return r.columns.names()
}

// PayloadBytes is the memory that the values take outside of the Row itself.
// It implements event.Sized.
func (r Row) PayloadBytes() int {
	n := 16 * len(r.values)
	for _, v := range r.values {
		n += payload(v, 0)
	}
	return n
}

func payload(v any, depth int) int {
	if depth > maxDepth {
		return 0
	}
	switch v := v.(type) {
	case nil, bool:
		return 0
	case string:
		return 16 + len(v)
	case time.Time:
		return 24
	case []any:
		n := 24 + 16*len(v)
		for _, e := range v {
			n += payload(e, depth+1)
		}
		return n
	case map[string]any:
		n := 48
		for k, e := range v {
			n += 48 + len(k) + payload(e, depth+1)
		}
		return n
	}
	return 8
}

// String is the row as JSON.
func (r Row) String() string {
	b, err := r.MarshalJSON()
	if err != nil {
		return fmt.Sprintf("(no JSON: %v)", err)
	}
	return string(b)
}

// MarshalJSON writes the row as an object with its columns in order.
func (r Row) MarshalJSON() ([]byte, error) { return r.appendJSON(nil, nil) }

// appendJSON appends the row as one line of JSON; nil for which means every
// column. dst is not changed after an error.
func (r Row) appendJSON(dst []byte, which []int) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e := jsontext.NewEncoder(b, jsontext.AllowInvalidUTF8(true))
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return dst, err
	}
	one := func(i int) error {
		if err := e.WriteToken(jsontext.String(r.columns.list[i].name)); err != nil {
			return err
		}
		return writeJSON(e, r.values[i])
	}
	if which == nil {
		for i := range r.values {
			if err := one(i); err != nil {
				return dst, err
			}
		}
	}
	for _, i := range which {
		if err := one(i); err != nil {
			return dst, err
		}
	}
	if err := e.WriteToken(jsontext.EndObject); err != nil {
		return dst, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func writeJSON(e *jsontext.Encoder, v any) error {
	switch v := v.(type) {
	case nil:
		return e.WriteToken(jsontext.Null)
	case bool:
		return e.WriteToken(jsontext.Bool(v))
	case int:
		return e.WriteToken(jsontext.Int(int64(v)))
	case float64:
		if v != v || v > 1.7976931348623157e308 || v < -1.7976931348623157e308 {
			return fmt.Errorf("%v cannot be written as JSON", v)
		}
		return e.WriteToken(jsontext.Float(v))
	case string:
		return e.WriteToken(jsontext.String(v))
	case time.Time:
		return e.WriteToken(jsontext.String(v.Format(time.RFC3339Nano)))
	case time.Duration:
		return e.WriteToken(jsontext.String(v.String()))
	case []any:
		if err := e.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for _, x := range v {
			if err := writeJSON(e, x); err != nil {
				return err
			}
		}
		return e.WriteToken(jsontext.EndArray)
	case map[string]any:
		if err := e.WriteToken(jsontext.BeginObject); err != nil {
			return err
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if err := e.WriteToken(jsontext.String(k)); err != nil {
				return err
			}
			if err := writeJSON(e, v[k]); err != nil {
				return err
			}
		}
		return e.WriteToken(jsontext.EndObject)
	}
	return fmt.Errorf("a value of type %T cannot be written as JSON", v)
}
