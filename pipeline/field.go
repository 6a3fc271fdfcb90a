package pipeline

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// field is a column as a source declares it: where it stands in the input and
// how its text is read.
type field struct {
	column
	input  string // name in the input
	layout string // of times; empty for the usual ones
	// required refuses null: the column is the event time.
	required bool
}

// usualLayouts are tried in turn when a time column has no layout. Fractions
// of a second are read by all of them.
var usualLayouts = []string{"2006-01-02 15:04:05", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"}

// parse reads the text of a field. An empty text is null, but for strings.
func (f *field) parse(s string) (any, error) {
	if f.kind == kindString {
		return strings.Clone(s), nil
	}
	if s == "" {
		return nil, nil
	}
	switch f.kind {
	case kindBool:
		switch s {
		case "true", "TRUE", "True", "1":
			return true, nil
		case "false", "FALSE", "False", "0":
			return false, nil
		}
		return nil, f.errorf("%q is neither true nor false", s)
	case kindInt:
		v, err := strconv.Atoi(s)
		if err != nil {
			return nil, f.errorf("%q is not a whole number", s)
		}
		return v, nil
	case kindFloat:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, f.errorf("%q is not a number", s)
		}
		return v, nil
	case kindTime:
		return f.parseTime(s)
	case kindDuration:
		v, ok := parseSpan(s)
		if !ok {
			return nil, f.errorf("%q is not a duration", s)
		}
		return v, nil
	}
	return strings.Clone(s), nil
}

func (f *field) parseTime(s string) (any, error) {
	switch f.layout {
	case "unix", "unix_ms":
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, f.errorf("%q is not a number of seconds or milliseconds", s)
		}
		return f.fromUnix(v)
	case "":
		t, err := parseUsualTime(s)
		if err != nil {
			return nil, f.errorf("%v", err)
		}
		return t, nil
	}
	t, err := time.Parse(f.layout, s)
	if err != nil {
		return nil, f.errorf("%q is not a time of the form %q", s, f.layout)
	}
	return t.UTC(), nil
}

func parseUsualTime(s string) (time.Time, error) {
	for _, layout := range usualLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time like 2006-01-02 15:04:05 or 2006-01-02T15:04:05Z", s)
}

func (f *field) fromUnix(v float64) (any, error) {
	if f.layout == "unix_ms" {
		v /= 1e3
	}
	if !(v > -9.2e9 && v < 9.2e9) {
		return nil, f.errorf("the time %v is out of range", v)
	}
	return unixTime(v), nil
}

// unixTime rounds to microseconds: a float holds no more for today's times.
func unixTime(seconds float64) time.Time {
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

func (f *field) errorf(format string, args ...any) error {
	return fmt.Errorf("column %s: %s", f.input, fmt.Sprintf(format, args...))
}
