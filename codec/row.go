package codec

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Row builds one line of CSV, field by field, with quotes where RFC 4180 asks
// for them.
type Row struct {
	// Layout is the form in which Time writes; RFC 3339 if empty.
	Layout string

	dst    []byte
	start  int
	fields int
	comma  byte
}

// Begin starts a row that is appended to dst. The fields are separated by
// comma.
func (r *Row) Begin(dst []byte, comma byte) {
	r.dst, r.start, r.fields, r.comma = dst, len(dst), 0, comma
}

// End returns dst with the row appended, without a line feed.
func (r *Row) End() []byte {
	if r.fields == 1 && len(r.dst) == r.start {
		r.dst = append(r.dst, '"', '"') // a lone empty field would read as a blank line
	}
	out := r.dst
	r.dst = nil
	return out
}

// Fields is the number of fields so far.
func (r *Row) Fields() int { return r.fields }

func (r *Row) next() {
	if r.fields > 0 {
		r.dst = append(r.dst, r.comma)
	}
	r.fields++
}

// Null adds an empty field.
func (r *Row) Null() { r.next() }

// Text adds a text, quoted if needed.
func (r *Row) Text(s string) {
	r.next()
	if !r.mustQuote(s) {
		r.dst = append(r.dst, s...)
		return
	}
	r.dst = append(r.dst, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		r.dst = append(r.dst, s[:i]...)
		r.dst = append(r.dst, '"', '"')
		s = s[i+1:]
	}
	r.dst = append(r.dst, s...)
	r.dst = append(r.dst, '"')
}

func (r *Row) mustQuote(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == ' ' || s[0] == '\t' || r.start == len(r.dst) && strings.HasPrefix(s, byteOrderMark) {
		return true
	}
	for i := range len(s) {
		if c := s[i]; c == r.comma || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}

const byteOrderMark = "\ufeff"

// Int adds a whole number.
func (r *Row) Int(v int64) {
	r.next()
	r.dst = strconv.AppendInt(r.dst, v, 10)
}

// Uint adds a whole number.
func (r *Row) Uint(v uint64) {
	r.next()
	r.dst = strconv.AppendUint(r.dst, v, 10)
}

// Float adds a number in the shortest form that reads back as the same value
// of the given size in bits (32 or 64); very large and very small numbers have
// an exponent. Whole numbers end in .0, so that every value of the column reads
// as a fraction.
func (r *Row) Float(v float64, bits int) {
	r.next()
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	r.dst = strconv.AppendFloat(r.dst, v, format, -1, bits)
	if format == 'f' && v == math.Trunc(v) && !math.IsInf(v, 0) {
		r.dst = append(r.dst, ".0"...)
	}
}

// Bool adds true or false.
func (r *Row) Bool(v bool) {
	r.next()
	r.dst = strconv.AppendBool(r.dst, v)
}

// Time adds a time in Layout.
func (r *Row) Time(t time.Time) {
	layout := r.Layout
	if layout == "" {
		layout = time.RFC3339Nano
	}
	var scratch [64]byte
	r.Text(string(t.AppendFormat(scratch[:0], layout)))
}
