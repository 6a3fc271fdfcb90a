package pipeline

import (
	"bytes"
	"encoding/json/v2"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/event"
)

func everyKind() ([]field, *columns) {
	fields := []field{
		{column: column{"a", kindAny}}, {column: column{"b", kindBool}}, {column: column{"i", kindInt}}, {column: column{"f", kindFloat}},
		{column: column{"s", kindString}}, {column: column{"t", kindTime}}, {column: column{"d", kindDuration}},
	}
	list := make([]column, len(fields))
	for i := range fields {
		fields[i].input = fields[i].name
		list[i] = fields[i].column
	}
	return fields, newColumns(list)
}

func TestRowsAsJSON(t *testing.T) {
	fields, cols := everyKind()
	c := readJSON(fields, cols)
	const text = `{"a":{"x":[1,null,"y"]},"b":true,"i":-5,"f":2.5,"s":"é\n","t":"2026-01-02T03:04:05.5Z","d":"1m30s"}`
	var row Row
	if err := c.Decode([]byte(text), &row); err != nil {
		t.Fatal(err)
	}
	if out, err := c.Append([]byte("> "), &row); err != nil || string(out) != "> "+text {
		t.Errorf("%s, %v", out, err)
	}
	if data, err := json.Marshal(row); err != nil || string(data) != text {
		t.Errorf("%s, %v", data, err)
	}
	if v, ok := row.Get("i"); !ok || v != -5 {
		t.Errorf("i = %v", v)
	}
	if _, ok := row.Get("none"); ok || !slices.Equal(row.Columns(), cols.names()) || row.String() != text {
		t.Errorf("%v %s", row.Columns(), row)
	}
	if err := c.Decode([]byte(`{"unknown":[{}],"i":7.0}`), &row); err != nil || row.values[2] != 7 || row.values[4] != nil {
		t.Errorf("%v, %v", row.values, err)
	}
	for text, want := range map[string]string{
		"":                           "not valid JSON",
		"[1]":                        "a JSON object is expected",
		`{"i":1}{"i":2}`:             "more than one",
		`{"i":1.5}`:                  "column i: 1.5 is not of type int",
		`{"i":"1"}`:                  "is not of type int",
		`{"s":[1]}`:                  "declare the column as any",
		`{"t":"yesterday"}`:          "not a time",
		`{"t":5}`:                    "is not of type time",
		`{"f":1e999}`:                "out of range",
		`{"i":99999999999999999999}`: "is not of type int",
		`{"b":"true"}`:               "is not of type bool",
		`{"d":"x"}`:                  "not a duration",
		`{"i":1`:                     "not valid JSON",
		`{"i":1,"i":2}`:              "duplicate",
	} {
		if err := c.Decode([]byte(text), &row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	row = Row{columns: cols, values: []any{nil, nil, nil, math.Inf(1), nil, nil, nil}}
	if out, err := c.Append([]byte("x"), &row); err == nil || string(out) != "x" {
		t.Errorf("infinity is written as %s", out)
	}
}

func TestRowsAsCSV(t *testing.T) {
	fields, cols := everyKind()
	c, err := codec.CSVRow[Row](readCSV(fields, cols), ',')
	if err != nil {
		t.Fatal(err)
	}
	var row Row
	if err := c.Decode([]byte(`text,true,-5,32,"a,""b""",2026-01-02 03:04:05.25,90s`), &row); err != nil {
		t.Fatal(err)
	}
	out, err := c.Append(nil, &row)
	if want := `text,true,-5,32.0,"a,""b""",2026-01-02 03:04:05.25,1m30s`; err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
	if err := c.Decode([]byte(",,,,,,"), &row); err != nil || row.values[1] != nil || row.values[4] != "" {
		t.Errorf("%v, %v", row.values, err)
	}
	for text, want := range map[string]string{
		",yes,,,,,":  "column b",
		",,1.5,,,,":  "column i",
		",,,x,,,":    "column f",
		",,,,,1/2,":  "column t",
		",,,,,,soon": "column d",
		",,":         "column f is missing",
		",,,,,,,x":   "the row has 8 fields, but there are only 7 columns",
	} {
		if err := c.Decode([]byte(text), &row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	d := readCSV(fields[2:4], cols).NewDecoder()
	if err := d.Header([]string{"f", "x"}); err == nil || !strings.Contains(err.Error(), "no column i; it has f, x") {
		t.Errorf("a header without a column: %v", err)
	}
}

func TestFloatText(t *testing.T) {
	for v, want := range map[float64]string{
		32: "32.0", 24.666667: "24.666667", -0.5: "-0.5", 0: "0.0", math.Copysign(0, -1): "0.0",
		1e-7: "1e-07", 1e21: "1e+21", 123456789012: "123456789012.0", math.Inf(-1): "-Inf",
	} {
		if got := floatText(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestPayloadBytes(t *testing.T) {
	_, cols := everyKind()
	small := Row{columns: cols, values: make([]any, 7)}
	large := Row{columns: cols, values: []any{map[string]any{"k": []any{strings.Repeat("x", 5000)}}, true, 1, 2.0, strings.Repeat("y", 3000), time.Time{}, time.Second}}
	if s, l := small.PayloadBytes(), large.PayloadBytes(); s < 7*16 || l < s+8000 || l > s+9000 {
		t.Errorf("%d and %d bytes", s, l)
	}
	batch := event.NewRecords[Row](2)
	batch.Append(small, 0)
	before := batch.Bytes()
	batch.Append(large, 0)
	if grown := batch.Bytes() - before; grown < int64(large.PayloadBytes()) {
		t.Errorf("a batch has grown by %d bytes", grown)
	}
}

// FuzzDecode holds that what is decoded is written and decoded again to the
// same row.
func FuzzDecode(f *testing.F) {
	fields, cols := everyKind()
	j := readJSON(fields, cols)
	c, err := codec.CSVRow[Row](readCSV(fields, cols), ',')
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"a":[1,{"b":null}],"b":false,"i":1,"f":1e5,"s":"x","t":"2026-01-01","d":"1s"}`))
	f.Add([]byte("a,true,1,2.5,s,2026-01-01 00:00:00,1h"))
	f.Add([]byte(`{"a":` + strings.Repeat("[", 200)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var row, again Row
		if err := j.Decode(data, &row); err == nil {
			text, err := j.Append(nil, &row)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Decode(text, &again); err != nil || !reflect.DeepEqual(row.values, again.values) {
				t.Fatalf("%v became %v by %s (%v)", row.values, again.values, text, err)
			}
		}
		if err := c.Decode(data, &row); err == nil && !bytes.ContainsAny(data, "\r\n") {
			if _, err := c.Append(nil, &row); err != nil {
				t.Fatal(err)
			}
		}
	})
}
