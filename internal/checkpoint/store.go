package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ErrExists is that a file was to be created whose name is taken.
var ErrExists = errors.New("there is a file of that name already")

// ErrNotFound is that there is no file of a name.
var ErrNotFound = errors.New("there is no such file")

// Store holds files that never change. Names obey [CheckName]. Methods may be
// called by several goroutines at once; their errors name the file.
type Store interface {
	// Create begins a file. Nobody sees it before Commit. The context is for
	// all of its writing.
	Create(ctx context.Context, name string) (Pending, error)
	// Open reads length bytes from offset; a negative length is up to the end.
	// What lies beyond the end is not an error: the reader ends early. No such
	// file is ErrNotFound.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// List yields the files whose names begin with prefix, in no certain order.
	// Files that are not committed are not among them; all that were committed
	// before are, whoever did.
	List(ctx context.Context, prefix string) iter.Seq2[Entry, error]
	// Delete removes a file; that there is none is no error.
	Delete(ctx context.Context, name string) error
}

// ErrClaimed is that somebody else writes to a store.
var ErrClaimed = errors.New("another process writes checkpoints to the same place: the job runs already, or two jobs share a directory; stop the other one, or give each a place of its own")

// ErrNoLock is that a store cannot keep others out.
var ErrNoLock = errors.New("there are no locks here")

// Claimer is a [Store] that can be one writer's own. Two that write would each take
// the files of the other for remains of a crash, and delete them. Where that cannot
// be had, [Own] lets the older one find out.
type Claimer interface {
	Store
	// Claim makes the store the caller's until the result is closed, or the process
	// has ended. If somebody else has it the error is ErrClaimed; if nobody can be
	// kept out, ErrNoLock.
	Claim() (io.Closer, error)
}

// Pending is a file that is being written, by one goroutine.
type Pending interface {
	io.Writer
	// Commit makes the file durable and visible, all of it or nothing. A file of a
	// checkpoint may become durable later, but before a manifest in its directory does.
	// Where another file has the name it is ErrExists, and that file is untouched.
	// After any other error the file may be there or not, but never a part.
	Commit() error
	// Abort drops the file. After Commit it does nothing.
	Abort() error
}

// Entry is a file in a store, its size in bytes.
type Entry struct {
	Name string
	Size int64
}

// Put creates a file with that content.
func Put(ctx context.Context, s Store, name string, content []byte) error {
	p, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := p.Write(content); err != nil {
		return errors.Join(err, p.Abort())
	}
	return p.Commit()
}

// Get reads length bytes from offset, all of them or an error.
func Get(ctx context.Context, s Store, name string, offset, length int64) ([]byte, error) {
	r, err := s.Open(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	content, err := readExactly(r, name, offset, length)
	return content, errors.Join(err, r.Close())
}

// readExactly grows with what is really there: a length is a claim.
func readExactly(r io.Reader, name string, offset, length int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, length))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(content)) < length {
		return nil, &Damage{File: name, Offset: offset + int64(len(content)), Reason: fmt.Sprintf("the file ends here; %d bytes more are expected", length-int64(len(content)))}
	}
	return content, nil
}

// Damage is that a file does not hold what was written to it.
type Damage struct {
	File   string
	Offset int64 // in bytes; where the piece begins that is damaged
	Reason string
}

// Error names the file, the place and what is wrong.
func (d *Damage) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s", d.File, d.Offset, d.Reason)
}
