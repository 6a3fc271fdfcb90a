package query

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/affluxdev/afflux/bench/nexmark/schema"
	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// LogFiles writes bids as CSV in a directory, those of subtask i and a minute to
// dt=<day>/hm=<minute>/part-<i>.csv. Files get these names when the job has
// ended well, and are removed when it has not.
func LogFiles(dir string) connector.Sink[schema.LoggedBid] { return logFiles{dir} }

type logFiles struct{ dir string }

// Describe implements connector.Sink.
func (s logFiles) Describe() connector.Description {
	return connector.Description{Kind: "files", Target: s.dir}
}

// Open implements connector.Sink.
func (s logFiles) Open(_ context.Context, sub connector.Subtask) (connector.Writer[schema.LoggedBid], error) {
	return &logWriter{dir: s.dir, subtask: sub.Index, open: map[string]*logFile{}, parts: map[string]string{}}, nil
}

// mostOpen bounds the files of a subtask that are open at a time. Bids come in
// about the order of their times, so few are needed.
const mostOpen = 16

type logWriter struct {
	dir     string
	subtask int
	open    map[string]*logFile
	parts   map[string]string // every file, by its minute: where it stands until the end
	flushed bool
}

type logFile struct {
	f *os.File
	b *bufio.Writer
	w *csv.Writer
}

func (f *logFile) close() error {
	f.w.Flush()
	return errors.Join(f.w.Error(), f.b.Flush(), f.f.Sync(), f.f.Close())
}

// Write implements connector.Writer.
func (w *logWriter) Write(b *event.Records[schema.LoggedBid], from int) (int, error) {
	w.flushed = false
	for i := from; i < b.Len(); i++ {
		v := &b.Values[i]
		f, err := w.file(filepath.Join("dt="+v.Day, "hm="+v.Minute))
		if err != nil {
			return i - from, err
		}
		n := func(v int64) string { return strconv.FormatInt(v, 10) }
		if err := f.w.Write([]string{n(v.Auction), n(v.Bidder), n(v.Price), n(v.DateTime), v.Extra, v.Day, v.Minute}); err != nil {
			return i - from, err
		}
	}
	return b.Len() - from, nil
}

// file is open to append to the file of a minute.
func (w *logWriter) file(minute string) (*logFile, error) {
	if f := w.open[minute]; f != nil {
		return f, nil
	}
	if len(w.open) >= mostOpen {
		if err := w.closeAll(); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(w.dir, minute)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	part := filepath.Join(dir, fmt.Sprintf(".part-%d.csv", w.subtask))
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if w.parts[minute] == "" {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(part, flags, 0o644)
	if err != nil {
		return nil, err
	}
	w.parts[minute] = part
	b := bufio.NewWriter(f)
	w.open[minute] = &logFile{f: f, b: b, w: csv.NewWriter(b)}
	return w.open[minute], nil
}

func (w *logWriter) closeAll() error {
	var errs []error
	for _, f := range w.open {
		errs = append(errs, f.close())
	}
	clear(w.open)
	return errors.Join(errs...)
}

// Flush implements connector.Writer.
func (w *logWriter) Flush(context.Context) error {
	if err := w.closeAll(); err != nil {
		return err
	}
	w.flushed = true
	return nil
}

// Close implements connector.Writer.
func (w *logWriter) Close() error {
	err := w.closeAll()
	for minute, part := range w.parts {
		if w.flushed {
			err = errors.Join(err, os.Rename(part, filepath.Join(w.dir, minute, filepath.Base(part)[1:])))
		} else {
			err = errors.Join(err, os.Remove(part))
		}
	}
	clear(w.parts)
	return err
}
