// Package bucket keeps checkpoints in a bucket of gocloud.dev/blob: S3, Google
// Cloud Storage, Azure Blob Storage and others. It is a package of its own since
// that library makes programs larger by several megabytes.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/affluxdev/afflux/internal/checkpoint"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Store is a [checkpoint.Store] in a bucket. A file of a bucket is there as a
// whole or not at all; it is created only if no other has its name. Of services
// that have no conditional writes, and of the library's own file buckets, that
// is not true for two writers at the same instant: for a directory, use
// [checkpoint.Directory].
type Store struct{ bucket *blob.Bucket }

// New uses a bucket, which stays the caller's to close. Use blob.PrefixedBucket
// for a part of it.
func New(b *blob.Bucket) *Store { return &Store{bucket: b} }

// Create implements [checkpoint.Store].
func (s *Store) Create(ctx context.Context, name string) (checkpoint.Pending, error) {
	if err := checkpoint.CheckName(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := s.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/octet-stream", IfNotExist: true})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return &pending{Writer: w, cancel: cancel, name: name}, nil
}

type pending struct {
	*blob.Writer
	cancel context.CancelFunc
	name   string
	done   bool
}

func (p *pending) Commit() error {
	if p.done {
		return fmt.Errorf("%s was committed or aborted already", p.name)
	}
	p.done = true
	err := p.Close()
	p.cancel()
	switch gcerrors.Code(err) {
	case gcerrors.OK:
		return nil
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return fmt.Errorf("create %s: %w", p.name, checkpoint.ErrExists)
	}
	return fmt.Errorf("write %s: %w", p.name, err)
}

// Abort cancels the context before it closes the writer: that is how a bucket
// is told to drop what was written. The error that Close returns says just that.
func (p *pending) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	p.cancel()
	if p.Close() == nil {
		return fmt.Errorf("%s was to be dropped, and may have been written", p.name)
	}
	return nil
}

// Open implements [checkpoint.Store].
func (s *Store) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := checkpoint.CheckName(name); err != nil {
		return nil, err
	}
	r, err := s.bucket.NewRangeReader(ctx, name, offset, length, nil)
	if err == nil {
		return r, nil
	}
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("open %s: %w", name, checkpoint.ErrNotFound)
	}
	// Some services refuse a range that begins at the end or beyond it.
	if a, attributes := s.bucket.Attributes(ctx, name); attributes == nil && offset >= a.Size {
		return io.NopCloser(empty{}), nil
	}
	return nil, fmt.Errorf("open %s: %w", name, err)
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }

// List implements [checkpoint.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[checkpoint.Entry, error] {
	return func(yield func(checkpoint.Entry, error) bool) {
		for it := s.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
			o, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(checkpoint.Entry{}, fmt.Errorf("list the bucket: %w", err))
				return
			}
			if o.IsDir || checkpoint.CheckName(o.Key) != nil {
				continue
			}
			if !yield(checkpoint.Entry{Name: o.Key, Size: o.Size}, nil) {
				return
			}
		}
	}
}

// Delete implements [checkpoint.Store].
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := checkpoint.CheckName(name); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

var _ checkpoint.Store = (*Store)(nil)
