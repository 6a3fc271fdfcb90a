package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// target is where the bytes of a writer go.
type target interface {
	io.Writer
	// sync makes what was written durable. It ends early with ctx where it can.
	sync(ctx context.Context) error
	// finish makes the output final and closes it.
	finish() error
	// abandon closes the output and removes what is not final.
	abandon() error
	// name is the output, for messages.
	name() string
}

// stream is a pipe or a device: there is nothing to rename.
type stream struct{ *os.File }

func (s stream) name() string { return s.Name() }

func (s stream) sync(context.Context) error {
	err := s.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EROFS) {
		return nil // pipes, terminals and devices have nothing to sync
	}
	return err
}

func (s stream) finish() error { return s.Close() }

func (s stream) abandon() error { return s.Close() }

// temporary is a file that gets its name when it is complete.
type temporary struct {
	*os.File
	path string
}

func newTarget(path string) (target, error) {
	if special(path) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("file: %w", err)
		}
		return stream{f}, nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("file %s: is a directory; name a file in it", path)
	}
	// Not os.CreateTemp: the file shall have the permissions of any other.
	hidden := fmt.Sprintf(".%s.%08x.partial", filepath.Base(path), rand.Uint32())
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), hidden), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("file: cannot write beside %s: %w", path, err)
	}
	return &temporary{f, path}, nil
}

func (t *temporary) name() string { return t.path }

func (t *temporary) sync(context.Context) error { return t.Sync() }

func (t *temporary) finish() error {
	err := errors.Join(t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), t.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	return syncDirectory(filepath.Dir(t.path))
}

// syncDirectory makes a rename durable where the system can do that.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

func (t *temporary) abandon() error {
	return errors.Join(t.Close(), os.Remove(t.Name()))
}
