package file

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// Source reads the files that path names: a file, a directory, a glob, or "-"
// for standard input. Each file is a split of its own; the k-th in the order
// of names is read by subtask k modulo the parallelism.
//
// Records have no event time of their own. A row that cannot be decoded is
// rejected with file:line as its origin, and reading goes on. The list of
// files is taken once, when the source is first described or opened.
//
// A job that is recovered goes on in each file where the checkpoint was, at any
// parallelism; files that were read to their end are not read again, and files
// that are new are read. Files are known by their paths. A file that is not the
// one that was read is an error: it has become shorter, or its first 4 KiB or
// the last 4 KiB that were read have changed (of a compressed file, the first). A
// compressed file is decompressed again up to the place. Standard input cannot be
// read again: a job that reads it cannot be recovered.
func Source[T any](path string, options ...Option) connector.Source[T] {
	return &source[T]{config: newConfig(path, options), stdin: os.Stdin}
}

type source[T any] struct {
	config config
	stdin  *os.File

	mu    sync.Mutex
	files []string // nil until a listing has succeeded
}

func (s *source[T]) list() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files != nil {
		return s.files, nil
	}
	files, err := list(s.config.paths)
	if err == nil {
		s.files = files
	}
	return files, err
}

// Describe implements connector.Source.
func (s *source[T]) Describe() connector.Description {
	d := connector.Description{Kind: "file", Target: s.config.paths[0], Bounded: true}
	if n := len(s.config.paths); n > 1 {
		d.Target += fmt.Sprintf(" and %d more", n-1)
	}
	if files, err := s.list(); err == nil {
		d.MaxParallelism = len(files)
	}
	return d
}

// Open implements connector.Source. It opens the first file of the subtask, so
// that a wrong header is known before a record flows.
func (s *source[T]) Open(_ context.Context, sub connector.Subtask) (connector.Reader[T], error) {
	if err := s.config.check(); err != nil {
		return nil, err
	}
	files, err := s.list()
	if err != nil {
		return nil, err
	}
	r := &reader[T]{source: s, sub: sub, typ: event.TypeOf[T]()}
	inputs, err := r.resume(files)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if in.format, err = formatOf[T](&s.config, in.path); err != nil {
			return nil, err
		}
		if in.path != stdio {
			info, err := os.Stat(in.path)
			switch {
			case err != nil:
				return nil, fmt.Errorf("file: %w", err)
			case !info.Mode().IsRegular():
				return nil, fmt.Errorf("file %s: not a regular file; read a pipe or a device from standard input: - < %s", in.path, in.path)
			}
			in.size = info.Size()
			r.total += in.size
		}
		r.inputs = append(r.inputs, in)
	}
	if len(r.inputs) > 0 {
		if err := r.open(); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	return r, nil
}
