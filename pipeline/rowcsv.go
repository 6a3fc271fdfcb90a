package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/affluxdev/afflux/codec"
)

// csvRows is the CSV form of rows: fields to read, columns to write.
type csvRows struct {
	fields  []field
	columns *columns // of the rows read
	write   []int    // indexes of the columns written
	header  []string
	layout  string
}

// readCSV reads rows with the given fields.
func readCSV(fields []field, cols *columns) *csvRows {
	r := &csvRows{fields: fields, columns: cols}
	for i, f := range fields {
		r.header = append(r.header, f.input)
		r.write = append(r.write, i)
	}
	return r
}

// writeCSV writes some columns of rows.
func writeCSV(cols *columns, write []int, layout string) *csvRows {
	r := &csvRows{columns: cols, write: write, layout: layout}
	for _, i := range write {
		r.header = append(r.header, cols.list[i].name)
		r.fields = append(r.fields, field{column: cols.list[i], input: cols.list[i].name})
	}
	return r
}

// NewDecoder implements codec.Rows.
func (c *csvRows) NewDecoder() codec.RowDecoder[Row] { return &csvDecoder{rows: c} }

// NewEncoder implements codec.Rows.
func (c *csvRows) NewEncoder() codec.RowEncoder[Row] { return &csvEncoder{rows: c} }

type csvDecoder struct {
	rows  *csvRows
	at    []int // for each of the fields, its index in the input
	width int   // columns of the input
}

func (d *csvDecoder) Header(names []string) error {
	d.at, d.width = d.at[:0], len(names)
	var missing []string
	for _, f := range d.rows.fields {
		i := slices.Index(names, f.input)
		if i < 0 {
			missing = append(missing, f.input)
		}
		d.at = append(d.at, i)
	}
	if len(missing) > 0 {
		return fmt.Errorf("the header has no column %s; it has %s", strings.Join(missing, ", "), strings.Join(names, ", "))
	}
	return nil
}

func (d *csvDecoder) DecodeRow(fields []string, v *Row) error {
	if len(fields) > d.width {
		return fmt.Errorf("the row has %d fields, but there are only %d columns: put a value that holds the delimiter in quotes", len(fields), d.width)
	}
	values := make([]any, len(d.rows.fields))
	for i := range values {
		at := d.at[i]
		if at >= len(fields) {
			return fmt.Errorf("column %s is missing: the row has %d fields", d.rows.fields[i].input, len(fields))
		}
		x, err := d.rows.fields[i].parse(fields[at])
		if err != nil {
			return err
		}
		if x == nil && d.rows.fields[i].required {
			return d.rows.fields[i].errMissing()
		}
		values[i] = x
	}
	*v = Row{columns: d.rows.columns, values: values}
	return nil
}

type csvEncoder struct{ rows *csvRows }

func (e *csvEncoder) Header() []string { return e.rows.header }

func (e *csvEncoder) EncodeRow(row *codec.Row, v *Row) error {
	for _, i := range e.rows.write {
		switch x := v.values[i].(type) {
		case nil:
			row.Null()
		case int:
			row.Int(int64(x))
		case string:
			row.Text(x)
		default:
			s, err := plainText(x, e.rows.layout)
			if err != nil {
				return err
			}
			row.Text(s)
		}
	}
	return nil
}

// csvTime is how times are written as text unless a layout says otherwise.
const csvTime = "2006-01-02 15:04:05.999999999"

// plainText is a value as text: floats in the shortest form that reads back,
// with at least one decimal so that they stay floats; lists and objects as JSON.
func plainText(v any, layout string) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int:
		return strconv.Itoa(x), nil
	case float64:
		return floatText(x), nil
	case time.Time:
		if layout == "" {
			layout = csvTime
		}
		return x.Format(layout), nil
	case time.Duration:
		return x.String(), nil
	}
	return jsonText(v)
}

func floatText(x float64) string {
	if abs := math.Abs(x); abs != 0 && (abs < 1e-6 || abs >= 1e21) || x != x {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	if x == 0 {
		return "0.0" // also for minus zero
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}
