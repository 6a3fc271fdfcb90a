package codec

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
)

// CSVRow is a codec of one row of CSV a message, without a header; a
// line ending is accepted and not written. The columns are those of header, in this order; without any,
// those that an encoder of rows names. comma separates fields; zero is a comma.
// Values are written only if header is what the encoder writes.
func CSVRow[T any](rows Rows[T], comma byte, header ...string) (Codec[T], error) {
	written := rows.NewEncoder().Header()
	if len(header) == 0 {
		header = written
	}
	if comma == 0 {
		comma = ','
	}
	if comma == '"' || comma == '\n' || comma == '\r' {
		return nil, fmt.Errorf("csv: %q cannot separate fields", comma)
	}
	if err := rows.NewDecoder().Header(header); err != nil {
		return nil, err
	}
	c := &csvCodec[T]{comma: comma}
	if !slices.Equal(header, written) {
		c.unwritable = fmt.Errorf("csv: the columns are %s, but rows are written as %s", quoteList(header), quoteList(written))
	}
	c.readers.New = func() any {
		d := rows.NewDecoder()
		if err := d.Header(header); err != nil {
			return err
		}
		return &csvReader[T]{split: Splitter{Comma: comma}, rows: d}
	}
	c.writers.New = func() any { return &csvWriter[T]{rows: rows.NewEncoder()} }
	return c, nil
}

type csvCodec[T any] struct {
	comma            byte
	unwritable       error
	readers, writers sync.Pool
}

type csvReader[T any] struct {
	split Splitter
	rows  RowDecoder[T]
}

type csvWriter[T any] struct {
	row  Row
	rows RowEncoder[T]
}

func (c *csvCodec[T]) Decode(data []byte, v *T) error {
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 {
		return errEmpty
	}
	got := c.readers.Get()
	if err, ok := got.(error); ok {
		return err
	}
	r := got.(*csvReader[T])
	defer c.readers.Put(r)
	fields, err := r.split.Split(data)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return r.rows.DecodeRow(fields, v)
}

func (c *csvCodec[T]) Append(dst []byte, v *T) ([]byte, error) {
	if c.unwritable != nil {
		return dst, c.unwritable
	}
	w := c.writers.Get().(*csvWriter[T])
	defer c.writers.Put(w)
	w.row.Begin(dst, c.comma)
	if err := w.rows.EncodeRow(&w.row, v); err != nil {
		return dst, err
	}
	return w.row.End(), nil
}
