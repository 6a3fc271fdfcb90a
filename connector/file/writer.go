package file

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// bufferSize is about how much a writer holds before it writes.
const bufferSize = 64 << 10

// writer encodes the records of one subtask.
type writer[T any] struct {
	sub   connector.Subtask
	out   target
	relay *relay // out if that is standard output
	z     compressor
	lines codec.Codec[T]
	rows  codec.RowEncoder[T]
	row   codec.Row
	comma byte
	eager bool // write with every batch: somebody may be looking

	buf    []byte
	taken  int64
	clean  bool  // nothing was taken since the last Flush
	failed error // stays
	closed bool
}

// header begins a file of CSV.
func (w *writer[T]) header() {
	if w.rows == nil {
		return
	}
	w.row.Begin(w.buf, w.comma)
	for _, name := range w.rows.Header() {
		w.row.Text(name)
	}
	w.buf = append(w.row.End(), '\n')
}

// Write implements connector.Writer.
func (w *writer[T]) Write(b *event.Records[T], from int) (int, error) {
	if w.failed != nil {
		return 0, w.failed
	}
	if from < b.Len() {
		w.clean = false
	}
	if w.relay != nil && w.relay.full() {
		return 0, nil
	}
	for i := from; i < b.Len(); i++ {
		if err := w.encode(&b.Values[i]); err != nil {
			if err := w.reject(&b.Values[i], b.Times[i], err); err != nil {
				return i - from, err
			}
			continue
		}
		w.taken++
		if len(w.buf) >= bufferSize {
			if err := w.write(); err != nil {
				return i + 1 - from, err
			}
			if w.relay != nil && i+1 < b.Len() && w.relay.full() {
				return i + 1 - from, nil
			}
		}
	}
	if w.eager {
		if err := w.write(); err != nil {
			return b.Len() - from, err
		}
		if err := w.z.Flush(); err != nil {
			return b.Len() - from, w.fail(err)
		}
	}
	return b.Len() - from, nil
}

// encode appends one record to the buffer, or nothing after an error.
func (w *writer[T]) encode(v *T) error {
	start := len(w.buf)
	if w.rows != nil {
		w.row.Begin(w.buf, w.comma)
		if err := w.rows.EncodeRow(&w.row, v); err != nil {
			_ = w.row.End()
			w.buf = w.buf[:start]
			return err
		}
		w.buf = append(w.row.End(), '\n')
		return nil
	}
	out, err := w.lines.Append(w.buf, v)
	if err != nil {
		return err
	}
	for _, c := range out[start:] {
		if c == '\n' {
			w.buf = out[:start]
			return errors.New("the record has a line feed, which would make it two lines")
		}
	}
	w.buf = append(out, '\n')
	return nil
}

func (w *writer[T]) reject(v *T, t event.Time, reason error) error {
	payload := fmt.Sprintf("%+v", *v)
	return w.sub.Reject(connector.Rejected{
		Reason:  fmt.Errorf("file %s: the record cannot be written: %w", w.out.name(), reason),
		Payload: []byte(payload[:min(len(payload), connector.MaxPayload)]),
		Time:    t,
	})
}

// write hands the buffer on.
func (w *writer[T]) write() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.z.Write(w.buf)
	w.buf = w.buf[:0]
	if err != nil {
		return w.fail(err)
	}
	return nil
}

// fail remembers the first error: nothing can be written after it.
func (w *writer[T]) fail(err error) error {
	var hint string
	switch {
	case errors.Is(err, syscall.ENOSPC):
		hint = "; free space on the disk, or write elsewhere"
	case errors.Is(err, syscall.EPIPE):
		hint = "; the program that reads it has ended"
	}
	what := err.Error()
	if i := strings.LastIndex(what, ": "); i >= 0 && hint != "" {
		what = what[i+2:] // the temporary name says nothing to the user
	}
	w.failed = &writeError{fmt.Sprintf("cannot write %s after %d records: %s%s", w.out.name(), w.taken, what, hint), err}
	return w.failed
}

type writeError struct {
	text  string
	cause error
}

func (e *writeError) Error() string { return e.text }
func (e *writeError) Unwrap() error { return e.cause }

// Flush implements connector.Writer.
func (w *writer[T]) Flush(ctx context.Context) error {
	if w.failed != nil {
		return w.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.write(); err != nil {
		return err
	}
	if err := w.z.Flush(); err != nil {
		return w.fail(err)
	}
	if err := w.out.sync(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return w.fail(err)
	}
	w.clean = true
	return nil
}

// Close implements connector.Writer.
func (w *writer[T]) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if !w.clean || w.failed != nil {
		_ = w.z.Close() // frees the compressor; what it writes is removed
		return w.out.abandon()
	}
	if err := w.z.Close(); err != nil {
		return errors.Join(w.fail(err), w.out.abandon())
	}
	if err := w.out.finish(); err != nil {
		return w.fail(err)
	}
	return nil
}
