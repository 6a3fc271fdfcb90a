package file

import (
	"bytes"
	"errors"
	"io"

	"github.com/affluxdev/afflux/codec"
)

// scanner cuts a stream into records of one or, with quoted line feeds, more
// lines. Its memory is bounded by the longest record.
type scanner struct {
	r          io.Reader
	buf        []byte
	start, end int // what is read and not yet taken
	err        error
	line       int64 // of the record last returned
	lines      int64 // that were taken
	total      int64 // bytes that were read from r
	ahead      int64 // bytes to pass over without a look
	max        int
	skipping   bool
	begun      bool
	quotes     *codec.Splitter // set for CSV
}

var (
	// errEnd says that the input ends. It is the scanner's own, because io.EOF may
	// also come from others, such as who takes rejected records.
	errEnd = errors.New("the end")
	// errNothing says that a reader that does not wait has nothing at hand.
	errNothing = errors.New("nothing at hand")
	errTooLong = errors.New("longer than the limit")
	// errAgain says that work was done but no record came out.
	errAgain = errors.New("call again")
	errShort = errors.New("shorter than it was")
)

// quantum is how many bytes are skipped in one call.
const quantum = 1 << 20

// next returns the next record without its line ending, or errEnd. The record
// is valid until the next call. With errTooLong it returns the beginning of a
// record that was skipped.
func (s *scanner) next() ([]byte, error) {
	if s.ahead > 0 {
		if err := s.pass(); err != nil {
			return nil, err
		}
	}
	if s.skipping {
		if err := s.skip(); err != nil {
			return nil, err
		}
	}
	first, size, open := 0, 0, false
	for {
		i, err := s.newline(size)
		if err != nil {
			return s.unended(first, size, err)
		}
		line := s.buf[s.start+size : s.start+i]
		size = i + 1
		if s.quotes == nil {
			return s.take(size, 1), nil
		}
		if open = s.quotes.Open(trim(line), open); !open {
			return s.take(size, int64(bytes.Count(s.buf[s.start:s.start+size], newline))), nil
		}
		if first == 0 {
			first = size
		}
	}
}

// unended returns the record that no line feed ends, because of err. A quote
// that is open has taken in size bytes, the first line of them with first.
func (s *scanner) unended(first, size int, err error) ([]byte, error) {
	switch {
	case errors.Is(err, errTooLong):
		if first > 0 { // a quote that nothing closes: its line is a bad record, the rest is not
			return s.take(first, 1), nil
		}
		s.line = s.lines + 1
		rec := s.buf[s.start : s.start+s.max]
		s.start += s.max
		s.skipping = true
		return rec, errTooLong
	case !errors.Is(err, errEnd), s.start == s.end:
		return nil, err
	}
	if first > 0 {
		rest := s.buf[s.start+size : s.end]
		if len(rest) == 0 || s.quotes.Open(trim(rest), true) {
			return s.take(first, 1), nil
		}
	}
	return s.take(s.end-s.start, 1), nil
}

var newline = []byte("\n")

// take removes size bytes that hold so many lines.
func (s *scanner) take(size int, lines int64) []byte {
	rec := s.buf[s.start : s.start+size]
	s.start += size
	s.line = s.lines + 1
	s.lines += lines
	return trim(bytes.TrimSuffix(rec, newline))
}

func trim(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// newline returns the offset from start of the first line feed at or after
// from.
func (s *scanner) newline(from int) (int, error) {
	for {
		if i := bytes.IndexByte(s.buf[s.start+from:s.end], '\n'); i >= 0 {
			if from+i > s.max {
				return 0, errTooLong
			}
			return from + i, nil
		}
		from = s.end - s.start
		if from > s.max {
			return 0, errTooLong
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads more. At the end of the input it returns errEnd.
func (s *scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.start > 0 && s.end == len(s.buf) {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	if s.end == len(s.buf) {
		grown := make([]byte, min(max(2*len(s.buf), 64<<10), s.max+64<<10))
		s.end = copy(grown, s.buf[s.start:s.end])
		s.start, s.buf = 0, grown
	}
	n, err := s.r.Read(s.buf[s.end:])
	if err == io.EOF {
		err = errEnd
	}
	nothing := errors.Is(err, errNothing)
	s.end += n
	s.total += int64(n)
	if !s.begun && (s.end-s.start >= 3 || err != nil && !nothing) {
		s.begun = true
		if bytes.HasPrefix(s.buf[s.start:s.end], []byte("\ufeff")) {
			s.start += 3
		}
	}
	switch {
	case n > 0:
		if err != nil && !nothing {
			s.err = err
		}
		return nil
	case nothing:
		return err
	case err != nil:
		s.err = err
	}
	return s.err
}

// skip drops the rest of an overlong line.
func (s *scanner) skip() error {
	for skipped := 0; ; {
		if i := bytes.IndexByte(s.buf[s.start:s.end], '\n'); i >= 0 {
			s.start += i + 1
			break
		}
		skipped += s.end - s.start
		s.start, s.end = 0, 0
		if skipped > quantum {
			return errAgain
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
	s.skipping = false
	s.lines++
	return nil
}

// offset returns how many bytes are ahead of the next record, or of what is left
// of an overlong line.
func (s *scanner) offset() int64 { return s.total - int64(s.end-s.start) + s.ahead }

// jump goes on at a place to which r was moved.
func (s *scanner) jump(p *place) {
	s.start, s.end, s.err = 0, 0, nil
	s.total, s.lines, s.skipping, s.begun = p.offset, p.lines, p.skipping, true
}

// passOver goes on at a place that is ahead.
func (s *scanner) passOver(p *place) error {
	if s.ahead = p.offset - s.offset(); s.ahead < 0 {
		return errors.New("the place in the checkpoint is ahead of the end of the header line: the file was replaced")
	}
	s.lines, s.skipping = p.lines, p.skipping
	return nil
}

// pass drops the bytes that are to be passed over.
func (s *scanner) pass() error {
	for passed := 0; s.ahead > 0; {
		n := int(min(s.ahead, int64(s.end-s.start)))
		s.start += n
		s.ahead -= int64(n)
		if passed += n; s.ahead == 0 {
			break
		}
		if passed > quantum {
			return errAgain
		}
		if err := s.fill(); errors.Is(err, errEnd) {
			return errShort
		} else if err != nil {
			return err
		}
	}
	return nil
}
