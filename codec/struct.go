package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// RowOption changes how StructRows reads and writes.
type RowOption func(*rowConfig)

type rowConfig struct {
	layouts        []string
	location       *time.Location
	unknown, fewer bool
}

// TimeLayouts sets the layouts of package time that columns of type time.Time
// may have, tried in this order; the first one is used to write. By default
// RFC 3339 and "2006-01-02 15:04:05" (with or without a fraction of a second)
// are read, and RFC 3339 is written.
func TimeLayouts(layouts ...string) RowOption {
	return func(c *rowConfig) { c.layouts = layouts }
}

// TimeIn sets the place of times that name no zone; UTC by default.
func TimeIn(loc *time.Location) RowOption { return func(c *rowConfig) { c.location = loc } }

// IgnoreUnknown lets a file have columns that the struct does not have. By
// default they are an error.
func IgnoreUnknown() RowOption { return func(c *rowConfig) { c.unknown = true } }

// AllowMissing lets a file lack columns that the struct has: these fields are
// zero. By default they are an error.
func AllowMissing() RowOption { return func(c *rowConfig) { c.fewer = true } }

// StructRows maps the columns of a CSV file to the exported fields of the
// struct T, by the struct tag `csv:"name"` or else by the name of the field;
// `csv:"-"` leaves a field out, and the fields of an embedded struct count as
// its own. Names match exactly or, failing that, without regard to case.
//
// Fields may be strings, []byte, booleans, numbers, time.Time, time.Duration,
// types that implement encoding.TextUnmarshaler and TextMarshaler, and
// pointers to these, which are nil for an empty field. An empty field is an
// error for numbers, booleans and times.
func StructRows[T any](options ...RowOption) (Rows[T], error) {
	c := rowConfig{location: time.UTC}
	for _, o := range options {
		o(&c)
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || t == timeType {
		return nil, fmt.Errorf("csv: %s is not a struct, so it has no columns", t)
	}
	columns, err := columnsOf(t, 0, &c, nil)
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("csv: %s has no exported fields, so it has no columns", t)
	}
	seen := map[string]bool{}
	for _, col := range columns {
		if seen[col.name] {
			return nil, fmt.Errorf("csv: two fields of %s have the column %q", t, col.name)
		}
		seen[col.name] = true
	}
	return &structRows[T]{columns: columns, config: c}, nil
}

// column is a field of the struct: where it lies and how it is converted.
type column struct {
	name   string
	offset uintptr
	parse  parseFunc
	format formatFunc
}

type structRows[T any] struct {
	columns []column
	config  rowConfig
}

func columnsOf(t reflect.Type, base uintptr, c *rowConfig, out []column) ([]column, error) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("csv")
		name, _, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue
		}
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct && f.Type != timeType && !isText(f.Type) {
			var err error
			if out, err = columnsOf(f.Type, base+f.Offset, c, out); err != nil {
				return nil, err
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		parse, format := conversion(f.Type, c)
		if parse == nil {
			return nil, fmt.Errorf("csv: field %s of %s has the type %s, which a column cannot hold; leave it out with the tag `csv:\"-\"`", f.Name, t, f.Type)
		}
		out = append(out, column{name, base + f.Offset, parse, format})
	}
	return out, nil
}

func (s *structRows[T]) NewDecoder() RowDecoder[T] {
	return &structDecoder[T]{rows: s, state: parseState{location: s.config.location, layouts: s.config.layouts}}
}

func (s *structRows[T]) NewEncoder() RowEncoder[T] {
	e := &structEncoder[T]{rows: s}
	for _, c := range s.columns {
		e.header = append(e.header, c.name)
	}
	return e
}

// match returns for each column of a file the field that it fills, or -1.
func (s *structRows[T]) match(header []string) ([]int, error) {
	target := make([]int, len(header))
	taken := make([]bool, len(s.columns))
	var unknown []string
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return nil, fmt.Errorf("csv: the header has the column %q twice", strings.Clone(name))
		}
		target[i] = slices.IndexFunc(s.columns, func(c column) bool { return c.name == name })
	}
	for i, name := range header {
		if target[i] < 0 {
			target[i] = slices.IndexFunc(s.columns, func(c column) bool { return strings.EqualFold(c.name, name) })
		}
		switch k := target[i]; {
		case k < 0:
			unknown = append(unknown, strings.Clone(name))
		case taken[k]:
			return nil, fmt.Errorf("csv: two columns of the header match the field %q", s.columns[k].name)
		default:
			taken[k] = true
		}
	}
	var missing, have []string
	for k, c := range s.columns {
		have = append(have, c.name)
		if !taken[k] {
			missing = append(missing, c.name)
		}
	}
	if len(missing) > 0 && !s.config.fewer {
		return nil, fmt.Errorf("csv: no column %s; the header has %s", quoteList(missing), quoteList(header))
	}
	if len(unknown) > 0 && !s.config.unknown {
		return nil, fmt.Errorf("csv: unknown column %s; %s has %s (ignore the others with IgnoreUnknown)", quoteList(unknown), reflect.TypeFor[T](), quoteList(have))
	}
	return target, nil
}

func quoteList(names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i == 20 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if len(n) > 100 {
			n = n[:100]
		}
		fmt.Fprintf(&b, "%q", n)
	}
	return b.String()
}
