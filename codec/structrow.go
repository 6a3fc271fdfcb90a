package codec

import (
	"errors"
	"fmt"
	"time"
	"unsafe"
)

type structDecoder[T any] struct {
	rows  *structRows[T]
	steps []step // in the order of the file's columns
	width int
	state parseState
}

type step struct {
	field int // index in a row
	col   *column
}

func (d *structDecoder[T]) Header(columns []string) error {
	target, err := d.rows.match(columns)
	if err != nil {
		return err
	}
	d.steps = d.steps[:0]
	for i, k := range target {
		if k >= 0 {
			d.steps = append(d.steps, step{i, &d.rows.columns[k]})
		}
	}
	d.width = len(columns)
	return nil
}

func (d *structDecoder[T]) DecodeRow(fields []string, v *T) error {
	if len(fields) != d.width {
		return fmt.Errorf("csv: %d fields, but the header has %d columns", len(fields), d.width)
	}
	var zero T
	*v = zero
	p := unsafe.Pointer(v)
	for i := range d.steps {
		s := &d.steps[i]
		// The offset comes from the type of *v: the pointer stays within it.
		if err := s.col.parse(&d.state, fields[s.field], unsafe.Add(p, s.col.offset)); err != nil {
			return &fieldError{column: s.col.name, text: cut(fields[s.field]), err: err}
		}
	}
	return nil
}

// fieldError says which column of a row cannot be decoded.
type fieldError struct {
	column, text string
	err          error
}

func (e *fieldError) Error() string {
	if e.text == "" {
		return fmt.Sprintf("csv: column %q is empty: %v", e.column, e.err)
	}
	return fmt.Sprintf("csv: column %q: %q: %v", e.column, e.text, e.err)
}

func (e *fieldError) Unwrap() error { return e.err }

// cut copies the beginning of a field, for messages.
func cut(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return string([]byte(s))
}

type structEncoder[T any] struct {
	rows   *structRows[T]
	header []string
}

func (e *structEncoder[T]) Header() []string { return e.header }

func (e *structEncoder[T]) EncodeRow(row *Row, v *T) error {
	row.Layout = ""
	if l := e.rows.config.layouts; len(l) > 0 {
		row.Layout = l[0]
	}
	p := unsafe.Pointer(v)
	for i := range e.rows.columns {
		c := &e.rows.columns[i]
		if err := c.format(row, unsafe.Add(p, c.offset)); err != nil {
			return fmt.Errorf("csv: column %q: %w", c.name, err)
		}
	}
	return nil
}

// parseState is what the conversions of one file remember.
type parseState struct {
	layouts  []string
	location *time.Location
	last     int // the layout that fitted last
	texts    [textSlots]string
}

// textSlots and textMax bound the memory of recent short texts, 32 KiB a file.
const (
	textSlots = 1024
	textMax   = 32
)

// text copies s. Columns repeat few short texts, so that the copy of the last
// text with the same hash is often the same and can be shared.
func (p *parseState) text(s string) string {
	if len(s) == 0 {
		return ""
	}
	if len(s) > textMax {
		return string([]byte(s))
	}
	h := uint32(len(s))
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	slot := &p.texts[(h^h>>15)%textSlots]
	if *slot != s {
		*slot = string([]byte(s))
	}
	return *slot
}

var errNoTime = errors.New("not a time")

func (p *parseState) time(s string) (time.Time, error) {
	if len(p.layouts) == 0 {
		return p.defaultTime(s)
	}
	if t, err := time.ParseInLocation(p.layouts[p.last], s, p.location); err == nil {
		return t, nil
	}
	for i, layout := range p.layouts {
		if t, err := time.ParseInLocation(layout, s, p.location); err == nil {
			p.last = i
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w in the form %s", errNoTime, quoteList(p.layouts))
}

func (p *parseState) defaultTime(s string) (time.Time, error) {
	layout := time.RFC3339
	if len(s) > 10 && s[10] == ' ' {
		layout = time.DateTime
	}
	t, err := time.ParseInLocation(layout, s, p.location)
	if err != nil {
		return t, fmt.Errorf("%w in the form %q or %q", errNoTime, time.RFC3339, time.DateTime)
	}
	return t, nil
}
