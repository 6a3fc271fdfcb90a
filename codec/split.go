package codec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Splitter cuts rows of CSV into fields by RFC 4180: fields in double quotes
// may hold commas, line feeds and doubled quotes. It is for one goroutine.
type Splitter struct {
	// Comma separates fields; a comma if zero.
	Comma byte

	fields  []string
	scratch []byte
}

// ErrQuoteOpen says that a row ends within quotes.
var ErrQuoteOpen = errors.New(`a field opens with " and never closes it`)

// Split returns the fields of a row without its line ending. The strings are
// views of row and of the splitter's own memory: they are valid until row
// changes or the next Split.
func (s *Splitter) Split(row []byte) ([]string, error) {
	comma := s.comma()
	s.fields = s.fields[:0]
	if bytes.IndexByte(row, '"') < 0 {
		text := view(row)
		for {
			i := strings.IndexByte(text, comma)
			if i < 0 {
				break
			}
			s.fields = append(s.fields, text[:i])
			text = text[i+1:]
		}
		s.fields = append(s.fields, text)
		return s.fields, nil
	}
	return s.splitQuoted(row, comma)
}

func (s *Splitter) comma() byte {
	if s.Comma == 0 {
		return ','
	}
	return s.Comma
}

func (s *Splitter) splitQuoted(row []byte, comma byte) ([]string, error) {
	if cap(s.scratch) < len(row) {
		s.scratch = make([]byte, 0, len(row)) // large enough for all: views of it must not move
	}
	s.scratch = s.scratch[:0]
	for rest := row; ; {
		if len(rest) == 0 || rest[0] != '"' {
			i := bytes.IndexByte(rest, comma)
			field := rest
			if i >= 0 {
				field = rest[:i]
			}
			if q := bytes.IndexByte(field, '"'); q >= 0 {
				return nil, fmt.Errorf(`column %d: a " inside a field that is not quoted`, len(s.fields)+1)
			}
			s.fields = append(s.fields, view(field))
			if i < 0 {
				return s.fields, nil
			}
			rest = rest[i+1:]
			continue
		}
		rest = rest[1:]
		from := len(s.scratch)
		for {
			i := bytes.IndexByte(rest, '"')
			if i < 0 {
				return nil, fmt.Errorf("column %d: %w", len(s.fields)+1, ErrQuoteOpen)
			}
			s.scratch = append(s.scratch, rest[:i]...)
			rest = rest[i+1:]
			if len(rest) == 0 || rest[0] != '"' {
				break
			}
			s.scratch = append(s.scratch, '"')
			rest = rest[1:]
		}
		s.fields = append(s.fields, view(s.scratch[from:]))
		switch {
		case len(rest) == 0:
			return s.fields, nil
		case rest[0] != comma:
			return nil, fmt.Errorf(`column %d: text after the closing "`, len(s.fields))
		}
		rest = rest[1:]
	}
}

// Open tells whether a row goes on beyond a line: whether the end of line
// stands within quotes. For the first line of a row inside is false, for a
// further line it is what Open returned for the line before. A line that
// Split will refuse ends the row.
func (s *Splitter) Open(line []byte, inside bool) bool {
	if bytes.IndexByte(line, '"') < 0 {
		return inside
	}
	comma := s.comma()
	for {
		if !inside {
			if len(line) == 0 || line[0] != '"' {
				i := bytes.IndexByte(line, comma)
				if i < 0 || bytes.IndexByte(line[:i], '"') >= 0 {
					return false
				}
				line = line[i+1:]
				continue
			}
			line = line[1:]
			inside = true
		}
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return true
		}
		line = line[i+1:]
		switch {
		case len(line) == 0:
			return false
		case line[0] == '"':
			line = line[1:]
		case line[0] == comma:
			line = line[1:]
			inside = false
		default:
			return false
		}
	}
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
