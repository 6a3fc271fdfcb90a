package checkpoint

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
)

// memory is a store for tests that damage it.
type memory struct{ files map[string][]byte }

type pendingBytes struct {
	bytes.Buffer
	store *memory
	name  string
}

func (p *pendingBytes) Commit() error { p.store.files[p.name] = p.Bytes(); return nil }
func (p *pendingBytes) Abort() error  { return nil }

func (m *memory) Create(_ context.Context, name string) (Pending, error) {
	return &pendingBytes{store: m, name: name}, nil
}

func (m *memory) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	b, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, ErrNotFound)
	}
	return io.NopCloser(io.NewSectionReader(bytes.NewReader(b), offset, length)), nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for name, b := range m.files {
			if strings.HasPrefix(name, prefix) && !yield(Entry{name, int64(len(b))}, nil) {
				return
			}
		}
	}
}

func (m *memory) Delete(_ context.Context, name string) error {
	delete(m.files, name)
	return nil
}

func (m *memory) clone() *memory {
	c := &memory{files: map[string][]byte{}}
	for name, b := range m.files {
		c.files[name] = slices.Clone(b)
	}
	return c
}

func (m *memory) names() []string { return slices.Sorted(maps.Keys(m.files)) }
