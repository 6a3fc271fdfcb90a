package pipeline

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/zeebo/xxh3"
)

// function is a function that expressions can call besides those of expr.
type function struct {
	name  string
	doc   string
	call  func(args ...any) (any, error)
	types []any
}

// ofTime makes a function of one time.
func ofTime[R any](name, doc string, f func(time.Time) R) function {
	return function{name: name, doc: doc, types: []any{new(func(time.Time) R)}, call: func(args ...any) (any, error) {
		t, err := timeOf(args[0])
		if err != nil {
			return nil, err
		}
		return f(t), nil
	}}
}

func timeOf(v any) (time.Time, error) {
	t, ok := v.(time.Time)
	if !ok {
		return t, fmt.Errorf("%v is not a time", v)
	}
	return t, nil
}

// functions are documented in Functions.
var functions = []function{
	ofTime("year", "year(t): the year of a time", time.Time.Year),
	ofTime("month", "month(t): 1 to 12", func(t time.Time) int { return int(t.Month()) }),
	ofTime("day", "day(t): 1 to 31", time.Time.Day),
	ofTime("weekday", "weekday(t): 0 for Sunday to 6", func(t time.Time) int { return int(t.Weekday()) }),
	ofTime("hour", "hour(t): 0 to 23", time.Time.Hour),
	ofTime("minute", "minute(t): 0 to 59", time.Time.Minute),
	ofTime("second", "second(t): 0 to 59", time.Time.Second),
	ofTime("unix", "unix(t): seconds since 1970", func(t time.Time) int { return int(t.Unix()) }),
	ofTime("unix_ms", "unix_ms(t): milliseconds since 1970", func(t time.Time) int { return int(t.UnixMilli()) }),
	{
		name: "from_unix", doc: "from_unix(seconds): a time", types: []any{new(func(int) time.Time), new(func(float64) time.Time)},
		call: func(args ...any) (any, error) { return fromUnix(args[0], 1) },
	},
	{
		name: "from_unix_ms", doc: "from_unix_ms(milliseconds): a time", types: []any{new(func(int) time.Time), new(func(float64) time.Time)},
		call: func(args ...any) (any, error) { return fromUnix(args[0], 1e-3) },
	},
	{
		name: "truncate", doc: `truncate(t, "1h"): the beginning of the hour that a time is in`,
		types: []any{new(func(time.Time, string) time.Time), new(func(time.Time, time.Duration) time.Time)},
		call:  truncate,
	},
	{
		name: "format_time", doc: `format_time(t, "2006-01-02 15:04"): a time as text, by the layout of Go's package time`,
		types: []any{new(func(time.Time, string) string)},
		call: func(args ...any) (any, error) {
			t, err := timeOf(args[0])
			if err != nil {
				return nil, err
			}
			return t.Format(args[1].(string)), nil
		},
	},
	{
		name: "parse_time", doc: `parse_time(text) or parse_time(text, "02.01.2006"): text as a time, by the usual forms or by a layout`,
		types: []any{new(func(string) time.Time), new(func(string, string) time.Time)},
		call:  parseTime,
	},
	{
		name: "round", doc: "round(x) or round(x, 2): to the nearest number with so many decimals, halves away from zero",
		types: []any{new(func(float64) float64), new(func(int) float64), new(func(float64, int) float64), new(func(int, int) float64)},
		call:  round,
	},
	{
		name: "clean", doc: "clean(text): without spaces at both ends, and with a single one between words",
		types: []any{new(func(string) string)},
		call:  func(args ...any) (any, error) { return strings.Join(strings.Fields(args[0].(string)), " "), nil },
	},
	{
		name: "pad", doc: "pad(text, n): with spaces up to n characters, on the left for a negative n",
		types: []any{new(func(string, int) string)},
		call:  pad,
	},
	{
		name: "random", doc: "random(seed, n): a whole number from 0 to n-1 that depends on nothing but its arguments",
		types: []any{new(func(int, int) int), new(func(string, int) int)},
		call: func(args ...any) (any, error) {
			n := args[1].(int)
			if n < 1 {
				return nil, fmt.Errorf("random needs a range of at least 1, not %d", n)
			}
			return int(xxh3.HashString(fmt.Sprint(args[0])) % uint64(n)), nil
		},
	},
}

// Functions lists the functions that expressions can call besides those of
// the language, with a line of documentation each.
func Functions() []string {
	out := make([]string, len(functions))
	for i, f := range functions {
		out[i] = f.doc
	}
	return out
}

var functionOptions = func() []expr.Option {
	options := []expr.Option{expr.DisableBuiltin("round")}
	for _, f := range functions {
		options = append(options, expr.Function(f.name, nullsafe(f), f.types...))
	}
	return options
}()

// nullsafe makes a function of null null, and a wrong type an error: columns of
// type any are known only at run time.
func nullsafe(f function) func(args ...any) (any, error) {
	return func(args ...any) (out any, err error) {
		for _, a := range args {
			if a == nil {
				return nil, nil
			}
		}
		defer func() {
			if recover() != nil {
				out, err = nil, fmt.Errorf("%s cannot take %v; it is %s", f.name, args, f.doc)
			}
		}()
		return f.call(args...)
	}
}

func fromUnix(v any, unit float64) (any, error) {
	var s float64
	switch v := v.(type) {
	case int:
		if unit == 1 && v > -9_200_000_000 && v < 9_200_000_000 {
			return time.Unix(int64(v), 0).UTC(), nil
		}
		if unit != 1 {
			return time.UnixMilli(int64(v)).UTC(), nil
		}
		s = float64(v)
	case float64:
		s = v * unit
	}
	if !(s > -9.2e9 && s < 9.2e9) {
		return nil, fmt.Errorf("the time %v is out of range", v)
	}
	return unixTime(s), nil
}

func truncate(args ...any) (any, error) {
	t, err := timeOf(args[0])
	if err != nil {
		return nil, err
	}
	unit, ok := args[1].(time.Duration)
	if !ok {
		if unit, ok = parseSpan(args[1].(string)); !ok {
			return nil, fmt.Errorf("%q is not a duration like 1h", args[1])
		}
	}
	if unit <= 0 {
		return nil, fmt.Errorf("truncate needs a positive duration, not %s", unit)
	}
	into := t.UnixNano() % int64(unit)
	if into < 0 {
		into += int64(unit)
	}
	return t.Add(-time.Duration(into)), nil
}

func parseTime(args ...any) (any, error) {
	text := args[0].(string)
	if len(args) == 1 {
		return parseUsualTime(text)
	}
	t, err := time.Parse(args[1].(string), text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time of the form %q", text, args[1])
	}
	return t.UTC(), nil
}

func round(args ...any) (any, error) {
	var x float64
	switch v := args[0].(type) {
	case int:
		x = float64(v)
	case float64:
		x = v
	default:
		return nil, fmt.Errorf("%v is not a number", v)
	}
	if len(args) == 1 {
		return math.Round(x), nil
	}
	scale := math.Pow(10, float64(args[1].(int)))
	y := math.Round(x*scale) / scale
	if math.IsNaN(y) || math.IsInf(y, 0) {
		return x, nil // too large to have such decimals
	}
	return y, nil
}

// maxPad bounds the texts that pad makes.
const maxPad = 1 << 16

func pad(args ...any) (any, error) {
	s, n := args[0].(string), args[1].(int)
	if n > maxPad || n < -maxPad {
		return nil, fmt.Errorf("pad to %d characters: at most %d are possible", n, maxPad)
	}
	return fmt.Sprintf("%*s", -n, s), nil
}
