package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// input is one file of a reader.
type input[T any] struct {
	path   string
	format format[T]
	size   int64
	place  place // to begin at
}

// reader reads the files of one subtask, one after the other.
type reader[T any] struct {
	source *source[T]
	sub    connector.Subtask
	typ    event.Type
	inputs []input[T]
	at     int               // the file being read; its split number
	ended  []connector.Split // files that were read to their end
	total  int64
	done   atomic.Int64 // bytes read, as they stand in the files
	held   atomic.Int64 // bytes read ahead from standard input

	file   *os.File // nil unless a regular file is open
	feed   *feed    // standard input
	free   func()   // ends the decompressor
	scan   *scanner
	quotes codec.Splitter
	rows   codec.RowDecoder[T]
	headed bool
	one    event.Records[T] // to measure a record
	opened bool
}

// counted counts the bytes that are read from a file.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// open opens the file at r.at and reads its header if it has one at hand.
func (r *reader[T]) open() error {
	in := &r.inputs[r.at]
	c := &r.source.config
	r.opened, r.headed, r.rows = true, true, nil
	how := c.compressionOf(in.path)
	var src io.Reader
	if in.path == stdio {
		f, err := startFeed(r.source.stdin, how, &r.done, &r.held, r.sub.Wake)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		r.feed, src = f, f
	} else {
		f, err := os.Open(in.path)
		if err != nil {
			return fmt.Errorf("file: %w", err)
		}
		r.file = f
		var free func()
		if src, free, err = decompress(counted{f, &r.done}, how); err != nil {
			return fmt.Errorf("file %s: %w", in.path, err)
		}
		r.free = free
	}
	r.scan = &scanner{r: src, max: c.maxLine, buf: r.buffer()}
	if in.format.rows == nil {
		return r.proceed()
	}
	r.quotes.Comma = c.comma
	r.scan.quotes = &r.quotes
	r.rows = in.format.rows.NewDecoder()
	if len(c.header) > 0 {
		if err := r.rows.Header(c.header); err != nil {
			return r.wrap(err, 0)
		}
		return r.proceed()
	}
	r.headed = false
	switch err := r.header(); {
	case err == nil:
		return r.proceed()
	case errors.Is(err, errNothing), errors.Is(err, errAgain), errors.Is(err, errEnd): // Poll goes on
		return nil
	default:
		return err
	}
}

// buffer reuses the memory of the scanner of the file before.
func (r *reader[T]) buffer() []byte {
	if r.scan == nil {
		return nil
	}
	return r.scan.buf
}

// header reads the header line; blank lines ahead of it do not count.
func (r *reader[T]) header() error {
	for {
		line, err := r.scan.next()
		switch {
		case errors.Is(err, errTooLong):
			return r.wrap(fmt.Errorf("the header is longer than %d bytes", r.scan.max), r.scan.line)
		case err != nil:
			return r.readError(err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		columns, err := r.quotes.Split(line)
		if err == nil {
			err = r.rows.Header(cloned(columns))
		}
		if err != nil {
			return r.wrap(err, r.scan.line)
		}
		r.headed = true
		return nil
	}
}

// cloned copies names out of the scanner's memory: a decoder may keep them.
func cloned(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.Clone(n)
	}
	return out
}

func (r *reader[T]) name() string {
	if p := r.inputs[r.at].path; p != stdio {
		return p
	}
	return "stdin"
}

// wrap puts the place in front of an error.
func (r *reader[T]) wrap(err error, line int64) error {
	if err == nil {
		return nil
	}
	if line == 0 {
		return fmt.Errorf("%s: %w", r.name(), err)
	}
	return fmt.Errorf("%s:%d: %w", r.name(), line, err)
}

// readError explains an error of the scanner; its own signals pass.
func (r *reader[T]) readError(err error) error {
	switch {
	case errors.Is(err, errEnd), errors.Is(err, errNothing), errors.Is(err, errAgain):
		return err
	case errors.Is(err, errShort):
		return r.wrap(fmt.Errorf("ends ahead of line %d, up to which it was read at the checkpoint: it was replaced; put back the file that was read", r.scan.lines+1), 0)
	case r.source.config.compressionOf(r.inputs[r.at].path) != compressNone && !errors.Is(err, os.ErrClosed):
		return fmt.Errorf("%s: cannot read on after line %d: corrupt, or cut off: %w", r.name(), r.scan.lines, err)
	}
	return fmt.Errorf("%s: cannot read on after line %d: %w", r.name(), r.scan.lines, err)
}

// Poll implements connector.Reader.
func (r *reader[T]) Poll(dst *event.Records[T], limit connector.Limit) (connector.Status, error) {
	if r.at >= len(r.inputs) {
		return connector.Status{State: connector.Done}, nil
	}
	st := connector.Status{Split: r.at}
	if !r.opened {
		if err := r.open(); err != nil {
			return st, err
		}
	}
	err := r.fill(dst, limit)
	switch {
	case err == nil, errors.Is(err, errAgain):
		return st, nil
	case errors.Is(err, errNothing):
		st.State = connector.Idle
		return st, nil
	case !errors.Is(err, errEnd):
		return st, err
	}
	if !r.headed {
		return st, r.wrap(errors.New("no header line: the file is empty"), 0)
	}
	if err := errors.Join(r.end(), r.shut()); err != nil {
		return st, r.wrap(err, 0)
	}
	st.State = connector.SplitDone
	if r.at++; r.at == len(r.inputs) {
		st.State = connector.Done
	}
	return st, nil
}

// fill appends records until a limit is met or the file has no more at hand.
func (r *reader[T]) fill(dst *event.Records[T], limit connector.Limit) error {
	if !r.headed {
		if err := r.header(); err != nil {
			return err
		}
	}
	in := &r.inputs[r.at]
	fixed := int64(0)
	if !r.typ.Variable() {
		fixed = int64(r.typ.Size())
	}
	var bytes int64
	for n := 0; n < limit.Records && bytes < limit.Bytes; n++ {
		line, err := r.scan.next()
		if err != nil {
			if !errors.Is(err, errTooLong) {
				return r.readError(err)
			}
			if err := r.reject(line, fmt.Errorf("the record is longer than %d bytes (MaxLine)", r.scan.max)); err != nil {
				return err
			}
			continue
		}
		if len(line) == 0 && !in.format.blank {
			continue
		}
		v := dst.Next(event.MinTime)
		if err := r.decode(in, line, v); err != nil {
			dst.Truncate(dst.Len() - 1)
			bytes += int64(len(line))
			if err := r.reject(line, err); err != nil {
				return err
			}
			continue
		}
		if fixed > 0 {
			bytes += fixed
			continue
		}
		r.one.Values = append(r.one.Values[:0], *v)
		bytes += r.one.Bytes()
	}
	r.one.Reset()
	return nil
}

func (r *reader[T]) decode(in *input[T], line []byte, v *T) error {
	if r.rows == nil {
		return in.format.lines.Decode(line, v)
	}
	fields, err := r.quotes.Split(line)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return r.rows.DecodeRow(fields, v)
}

func (r *reader[T]) reject(line []byte, reason error) error {
	return r.sub.Reject(connector.Rejected{
		Reason:  reason,
		Origin:  fmt.Sprintf("%s:%d", r.name(), r.scan.line),
		Payload: line[:min(len(line), connector.MaxPayload)],
		Time:    event.MinTime,
	})
}

// shut closes the open file.
func (r *reader[T]) shut() error {
	r.opened = false
	if r.free != nil {
		r.free()
		r.free = nil
	}
	if r.feed != nil {
		r.feed.close()
		r.feed = nil
	}
	if r.file == nil {
		return nil
	}
	f := r.file
	r.file = nil
	if r.at < len(r.inputs) { // what a decompressor left unread, such as padding
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at < r.inputs[r.at].size {
			r.done.Add(r.inputs[r.at].size - at)
		}
	}
	return f.Close()
}

// Close implements connector.Reader.
func (r *reader[T]) Close() error {
	err := r.shut()
	r.at = len(r.inputs)
	return err
}

// Progress implements connector.Progress: bytes of the files, as they stand on
// the disk. The total is unknown for standard input.
func (r *reader[T]) Progress() (done, total int64) {
	done = r.done.Load()
	if r.total > 0 {
		done = min(done, r.total) // a file may have grown since it was opened
	}
	return done, r.total
}

// Buffered implements connector.Buffered: what was read ahead from standard
// input. Files are read when they are polled.
func (r *reader[T]) Buffered() (bytes, bound int64) {
	if len(r.inputs) == 0 || r.inputs[0].path != stdio {
		return 0, 0
	}
	return r.held.Load(), chunk * chunks
}

// Splits implements connector.SplitLister.
func (r *reader[T]) Splits() []int {
	left := []int{}
	for i := r.at; i < len(r.inputs); i++ {
		left = append(left, i)
	}
	return left
}

// SplitsChanged implements connector.SplitLister: the list is fixed at Open.
func (r *reader[T]) SplitsChanged() bool { return false }
