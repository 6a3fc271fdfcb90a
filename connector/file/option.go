package file

import (
	"fmt"

	"github.com/affluxdev/afflux/codec"
)

// Option changes a source or a sink.
type Option func(*config)

type config struct {
	paths    []string
	form     form
	codec    any // codec.Codec[T]
	rows     any // codec.Rows[T]
	rowOpts  []codec.RowOption
	comma    byte
	header   []string
	compress compression
	maxLine  int
}

// form is how records stand in a file.
type form uint8

const (
	formAuto form = iota
	formCSV
	formLines
	formJSON
	formText
)

// defaultMaxLine bounds a record of a source in bytes.
const defaultMaxLine = 1 << 20

func newConfig(path string, options []Option) config {
	c := config{paths: []string{path}, comma: ',', maxLine: defaultMaxLine}
	for _, o := range options {
		o(&c)
	}
	return c
}

// Paths adds files, directories or globs to those of a source.
func Paths(paths ...string) Option {
	return func(c *config) { c.paths = append(c.paths, paths...) }
}

// CSV says that files are CSV with a header line. T is a struct, mapped as
// codec.StructRows does with the same options, unless Rows says otherwise.
func CSV(options ...codec.RowOption) Option {
	return func(c *config) { c.form, c.rowOpts = formCSV, options }
}

// Rows says that files are CSV, whose rows are converted by r.
func Rows[T any](r codec.Rows[T]) Option {
	return func(c *config) { c.form, c.rows = formCSV, r }
}

// Comma sets the character that separates the columns of CSV.
func Comma(comma byte) Option { return func(c *config) { c.comma = comma } }

// Header says that the CSV files of a source have no header line, and what
// their columns are.
func Header(columns ...string) Option { return func(c *config) { c.header = columns } }

// JSON says that files have one JSON value a line.
func JSON() Option { return func(c *config) { c.form = formJSON } }

// Text says that a record is a line. T is string or []byte.
func Text() Option { return func(c *config) { c.form = formText } }

// Lines says that files have one record a line, converted by cd, which must
// not write line feeds.
func Lines[T any](cd codec.Codec[T]) Option {
	return func(c *config) { c.form, c.codec = formLines, cd }
}

// Gzip says that files are compressed with gzip, whatever their names.
func Gzip() Option { return func(c *config) { c.compress = compressGzip } }

// Zstd says that files are compressed with zstd, whatever their names.
func Zstd() Option { return func(c *config) { c.compress = compressZstd } }

// Uncompressed says that files are not compressed, whatever their names.
func Uncompressed() Option { return func(c *config) { c.compress = compressNone } }

// MaxLine bounds a record of a source in bytes, 1 MiB by default. A longer one
// is rejected; the memory of a reader is bounded by it.
func MaxLine(bytes int) Option { return func(c *config) { c.maxLine = max(bytes, 1) } }

func (c *config) check() error {
	switch c.comma {
	case 0, '"', '\n', '\r':
		return fmt.Errorf("file: %q cannot separate columns", c.comma)
	}
	return nil
}
