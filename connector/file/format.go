package file

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/affluxdev/afflux/codec"
)

// format converts the records of a file; one of the two is set.
type format[T any] struct {
	rows  codec.Rows[T]
	lines codec.Codec[T]
	blank bool // a blank line is a record
}

// formatOf decides how the records of a path are converted.
func formatOf[T any](c *config, path string) (format[T], error) {
	f := c.form
	if f == formAuto {
		switch name := strings.ToLower(uncompressedName(path)); filepath.Ext(name) {
		case ".csv":
			f = formCSV
		case ".jsonl", ".ndjson", ".json":
			f = formJSON
		case ".txt", ".log":
			f = formText
		default:
			return format[T]{}, fmt.Errorf("file %s: its name does not tell its form; say CSV, JSON, Text or Lines", path)
		}
	}
	switch f {
	case formCSV:
		return csvFormat[T](c)
	case formJSON:
		return format[T]{lines: codec.JSON[T]()}, nil
	case formText:
		switch any(*new(T)).(type) {
		case string:
			return format[T]{lines: any(codec.String()).(codec.Codec[T]), blank: true}, nil
		case []byte:
			return format[T]{lines: any(codec.Bytes()).(codec.Codec[T]), blank: true}, nil
		}
		return format[T]{}, fmt.Errorf("file %s: a line of text can be a string or a []byte, not %s; use CSV, JSON or Lines", path, reflect.TypeFor[T]())
	}
	cd, ok := c.codec.(codec.Codec[T])
	if !ok {
		return format[T]{}, fmt.Errorf("file %s: Lines got a %T, which is not a codec of %s", path, c.codec, reflect.TypeFor[T]())
	}
	return format[T]{lines: cd}, nil
}

func csvFormat[T any](c *config) (format[T], error) {
	if c.rows == nil {
		rows, err := codec.StructRows[T](c.rowOpts...)
		return format[T]{rows: rows}, err
	}
	rows, ok := c.rows.(codec.Rows[T])
	if !ok {
		return format[T]{}, fmt.Errorf("file: Rows got a %T, which has not rows of %s", c.rows, reflect.TypeFor[T]())
	}
	return format[T]{rows: rows}, nil
}
