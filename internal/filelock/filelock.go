// Package filelock lets one process at a time have something, by a lock on a file.
package filelock

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrHeld is that another open file has the lock, of this process or another.
var ErrHeld = errors.New("it is locked")

// ErrNone is that the lock cannot be had on this system or this file system.
var ErrNone = errors.New("it cannot be locked")

// Take locks the file at path, which is made if it is not there, until the result
// is closed or the process ends, however it ends. The file stays. Errors are
// ErrHeld, ErrNone, or why the file cannot be opened.
func Take(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	held, err := tryLock(f)
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("%s: %w: %w", path, ErrNone, err), f.Close())
	case !held:
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrHeld), f.Close())
	}
	return f, nil
}
