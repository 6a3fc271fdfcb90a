package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/affluxdev/afflux/internal/filelock"
	"github.com/affluxdev/afflux/internal/filesync"
)

// unfinished begins the names of files that are not committed; no name in a
// store begins with a dot.
const unfinished = ".unfinished-"

// Directory is a [Store] in a directory of the file system. A file is written
// under another name, synced, given its name, and the directories are synced: it
// is there after a crash of the machine, whole or not at all. The names of the files
// of a checkpoint are synced together, just before its manifest is placed, since each
// time waits for the disk.
type Directory struct{ root string }

// NewDirectory opens a directory, and makes it if it is not there. Who writes to it
// has to claim it.
func NewDirectory(root string) (*Directory, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	d := &Directory{root: root}
	if err := d.makeDirectory(root); err != nil {
		return nil, err
	}
	return d, nil
}

// lockName is the file whose lock says that the directory is claimed.
const lockName = ".lock"

// Claim implements [Claimer]. It deletes what a crash left unfinished, also where a
// file system has no locks: who is still writing that gets an error.
func (d *Directory) Claim() (io.Closer, error) {
	lock, err := filelock.Take(filepath.Join(d.root, lockName))
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return nil, fmt.Errorf("%s: %w", d.root, ErrClaimed)
	case errors.Is(err, filelock.ErrNone):
		if err := d.sweep(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", d.root, ErrNoLock)
	case err != nil:
		return nil, err
	}
	if err := d.sweep(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// sweep deletes files that were not committed.
func (d *Directory) sweep() error {
	return filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasPrefix(e.Name(), unfinished) {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) && path != d.root {
			return nil // deleted meanwhile
		}
		return err
	})
}

// String is the absolute path.
func (d *Directory) String() string { return d.root }

// OpenDirectory opens a directory to read from it only, changing nothing.
func OpenDirectory(root string) (*Directory, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", root)
	}
	return &Directory{root: root}, nil
}

func (d *Directory) path(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	return filepath.Join(d.root, filepath.FromSlash(name)), nil
}

// makeDirectory makes a directory and what is above it, durably.
func (d *Directory) makeDirectory(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := d.makeDirectory(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirectory(parent)
}

func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(filesync.Sync(f), f.Close())
}

// Create implements [Store].
func (d *Directory) Create(_ context.Context, name string) (Pending, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	if err := d.makeDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return nil, err
	}
	_, _, rest, ofCheckpoint := parseName(name)
	return &pendingFile{File: f, path: path, manifest: ofCheckpoint && rest == manifestName, part: ofCheckpoint && rest != manifestName}, nil
}

type pendingFile struct {
	*os.File
	path     string
	manifest bool // what is in its directory has to be durable before it
	part     bool // a manifest will follow
	done     bool
}

func (p *pendingFile) Commit() error {
	if p.done {
		return fmt.Errorf("%s was committed or aborted already", p.path)
	}
	p.done = true
	temporary := p.Name()
	err := errors.Join(p.Chmod(0o644), filesync.Sync(p.File), p.Close())
	if err == nil && p.manifest {
		err = syncDirectory(filepath.Dir(p.path))
	}
	if err == nil {
		err = place(temporary, p.path)
	}
	// A link leaves the temporary name behind; so does an error.
	if remove := os.Remove(temporary); remove != nil && !errors.Is(remove, fs.ErrNotExist) {
		err = errors.Join(err, remove)
	}
	if p.part {
		return err
	}
	return errors.Join(err, syncDirectory(filepath.Dir(p.path)))
}

// place gives a file its name, unless it is taken.
func place(temporary, path string) error {
	err := os.Link(temporary, path)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create %s: %w", path, ErrExists)
	}
	// Not every file system has links. Without them, two that create the same
	// file at the same time are not told apart.
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("create %s: %w", path, ErrExists)
	}
	return os.Rename(temporary, path)
}

func (p *pendingFile) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	return errors.Join(p.Close(), os.Remove(p.Name()))
}

// Open implements [Store].
func (d *Directory) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w", path, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = 1<<62 - offset
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, offset, length), f}, nil
}

// List implements [Store].
func (d *Directory) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path != d.root {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			relative, err := filepath.Rel(d.root, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(relative)
			if e.IsDir() {
				if name != "." && !strings.HasPrefix(prefix, name+"/") && !strings.HasPrefix(name+"/", prefix) {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasPrefix(name, prefix) || CheckName(name) != nil {
				return nil //nolint:nilerr // a file with such a name is none of the store's
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(Entry{name, info.Size()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// Delete implements [Store]. A directory goes with its last file.
func (d *Directory) Delete(_ context.Context, name string) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	parent := filepath.Dir(path)
	if err := syncDirectory(parent); err != nil {
		return err
	}
	for parent != d.root && os.Remove(parent) == nil { // up to one that is not empty
		parent = filepath.Dir(parent)
	}
	return nil
}

var (
	_ Store   = (*Directory)(nil)
	_ Claimer = (*Directory)(nil)
)
