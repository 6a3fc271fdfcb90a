package pipeline

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var moment = time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC) // a Wednesday

func exampleRow() (Row, *columns) {
	cols := newColumns([]column{{"i", kindInt}, {"f", kindFloat}, {"s", kindString}, {"b", kindBool}, {"t", kindTime}, {"d", kindDuration}, {"any", kindAny}, {"null", kindInt}})
	return Row{columns: cols, values: []any{7, 2.5, " Two  words ", true, moment, 90 * time.Second, map[string]any{"x": []any{1, "two"}}, nil}}, cols
}

func formulaOf(t *testing.T, source string, cols *columns) (*formula, error) {
	t.Helper()
	n := &node{kind: scalarNode, text: source, at: place{line: 1, column: 1}, exact: true}
	r := newReport("test", []byte(source))
	return r.compile(n, source, 0, cols), r.err()
}

func TestExpressions(t *testing.T) {
	row, cols := exampleRow()
	for source, want := range map[string]any{
		"i": 7, "i + 1": 8, "i / 2": 3.5, "i % 4": 3, "f * 2": 5.0, "b and i > 3": true, "null": nil, "null ?? 3": 3,
		"int(f)": 2, "float(i)": 7.0, "string(i)": "7", `any.x[1]`: "two", "len(any.x)": 2,
		"year(t)": 2026, "month(t)": 3, "day(t)": 4, "weekday(t)": 3, "hour(t)": 5, "minute(t)": 6, "second(t)": 7,
		"unix(t)": int(moment.Unix()), "unix_ms(t)": int(moment.UnixMilli()),
		"from_unix(unix(t))":                        moment.Truncate(time.Second),
		"from_unix_ms(unix_ms(t))":                  moment,
		"from_unix(1.5)":                            time.UnixMilli(1500).UTC(),
		`truncate(t, "1h")`:                         moment.Truncate(time.Hour),
		"truncate(t, d)":                            moment.Truncate(90 * time.Second),
		`truncate(from_unix(-1), "1d")`:             time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC),
		`format_time(t, "02.01.06 15:04")`:          "04.03.26 05:06",
		`parse_time("04.03.2026", "02.01.2006")`:    time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC),
		`parse_time("2026-03-04T01:00:00+01:00")`:   time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC),
		"t + d > t":                                 true,
		"round(f)":                                  3.0,
		"round(2.345678, 2)":                        2.35,
		"round(i, 2)":                               7.0,
		"round(-74 / 3, 6)":                         -24.666667,
		"clean(s)":                                  "Two words",
		"trim(s)":                                   "Two  words",
		`upper(s) contains "WORDS"`:                 true,
		`pad("ab", 4)`:                              "ab  ",
		`pad("ab", -4)`:                             "  ab",
		"random(i, 1)":                              0,
		"random(i, 1000) == random(7, 1000)":        true,
		`split("a,b", ",")`:                         []any{"a", "b"},
		`i > 5 ? "big" : "small"`:                   "big",
		`let x = i * 2; x + 1`:                      15,
		`s matches "(?i)two"`:                       true,
		`{"a": i, "b": [f]}`:                        map[string]any{"a": 7, "b": []any{2.5}},
		`duration("90s") == d`:                      true,
		"map([1, 2], # * i)":                        []any{7, 14},
		"any.missing":                               nil,
		`any.missing?.deeper`:                       nil,
		`date("2026-03-04").Year() == year(t)`:      true,
		`"item-" + string(min(3, random(1, 1000)))`: "item-3",
	} {
		f, err := formulaOf(t, source, cols)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got, err := f.eval(&row)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v (%v), want %#v", source, got, err, want)
		}
		if !f.kind.fits(got) {
			t.Errorf("%s = %#v is said to be of type %s", source, got, f.kind)
		}
	}
}

func TestFailingExpressions(t *testing.T) {
	row, cols := exampleRow()
	for source, want := range map[string]string{
		"null + 1":                 "??",
		"any.x + 1":                "in \"any.x + 1\"",
		"i % (i - 7)":              "divide by zero",
		`parse_time(s)`:            "is not a time",
		`truncate(t, "soon")`:      "is not a duration",
		"random(i, 0)":             "at least 1",
		"pad(s, 1000000)":          "at most",
		"from_unix(1e300)":         "out of range",
		"hour(any.x[0])":           "hour",
		`repeat("x", 1000000000)`:  "memory budget",
		`int("seven")`:             "seven",
		`any.x[9]`:                 "out of range",
		`format_time(any.x, "15")`: "not a time",
	} {
		f, err := formulaOf(t, source, cols)
		if err != nil {
			t.Errorf("%s is not accepted: %v", source, err)
			continue
		}
		if v, err := f.eval(&row); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s = %v, %v; want an error with %q on one line", source, v, err, want)
		}
	}
}

func TestRefusedExpressions(t *testing.T) {
	_, cols := exampleRow()
	for source, want := range map[string]string{
		"ii":           `test:1:1: unknown column "ii"; write one of i, f, s, b, t, d, any, null`,
		"1 + nul":      `test:1:5: unknown column "nul"; did you mean "null"?`,
		"uper(s)":      `test:1:1: unknown function "uper"; did you mean "upper"?`,
		"s + i":        `test:1:3: invalid operation: + (mismatched types string and int)`,
		"hour(s)":      `test:1:`,
		"i +":          `test:1:3: unexpected token EOF`,
		"(i":           `test:1:`,
		"hour(t, t)":   `test:1:`,
		"round(s)":     `test:1:`,
		"b + 1":        `test:1:3`,
		`"open`:        `test:1:`,
		"count(any.x)": "",
	} {
		_, err := formulaOf(t, source, cols)
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%s: %v", source, err)
			}
		case err == nil || !strings.HasPrefix(err.Error(), want):
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

// TestFormulasAreShared evaluates one formula from many goroutines.
func TestFormulasAreShared(t *testing.T) {
	row, cols := exampleRow()
	f, err := formulaOf(t, `i * 2 + len(s)`, cols)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			mine := Row{columns: cols, values: append([]any{g}, row.values[1:]...)}
			for range 500 {
				if v, err := f.eval(&mine); err != nil || v != g*2+12 {
					t.Errorf("%v, %v; want %d", v, err, g*2+12)
					return
				}
			}
		})
	}
	wg.Wait()
}
