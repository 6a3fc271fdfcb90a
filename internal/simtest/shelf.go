package simtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/affluxdev/afflux/internal/checkpoint"
)

// shelves is a store of checkpoints in memory. It outlives crashes; what was
// not committed does not.
type shelves struct{ files map[string][]byte }

func newShelves() *shelves { return &shelves{files: map[string][]byte{}} }

// Create implements checkpoint.Store.
func (s *shelves) Create(_ context.Context, name string) (checkpoint.Pending, error) {
	return &unfinished{s: s, name: name}, nil
}

type unfinished struct {
	bytes.Buffer
	s    *shelves
	name string
}

// Commit implements checkpoint.Pending.
func (u *unfinished) Commit() error {
	if _, ok := u.s.files[u.name]; ok {
		return fmt.Errorf("%s: %w", u.name, checkpoint.ErrExists)
	}
	u.s.files[u.name] = bytes.Clone(u.Bytes())
	return nil
}

// Abort implements checkpoint.Pending.
func (u *unfinished) Abort() error { return nil }

// Open implements checkpoint.Store.
func (s *shelves) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	b, ok := s.files[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, checkpoint.ErrNotFound)
	}
	b = b[min(offset, int64(len(b))):]
	if length >= 0 {
		b = b[:min(length, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// List implements checkpoint.Store.
func (s *shelves) List(_ context.Context, prefix string) iter.Seq2[checkpoint.Entry, error] {
	return func(yield func(checkpoint.Entry, error) bool) {
		for name, b := range s.files {
			if strings.HasPrefix(name, prefix) && !yield(checkpoint.Entry{Name: name, Size: int64(len(b))}, nil) {
				return
			}
		}
	}
}

// Delete implements checkpoint.Store.
func (s *shelves) Delete(_ context.Context, name string) error {
	delete(s.files, name)
	return nil
}
