package broker

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/affluxdev/afflux/internal/filelock"
)

// lockName is the file whose lock says that a data directory is in use. The
// file stays; the lock goes with the process, however it ends.
const lockName = "afflux.lock"

// claim makes dir this process's own until the result is closed.
func claim(dir string) (io.Closer, error) {
	if err := usable(dir); err != nil {
		return nil, err
	}
	lock, err := filelock.Take(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return nil, fmt.Errorf("broker: data directory %s is in use by another broker: stop it, or choose another directory", dir)
	case err != nil:
		return nil, fmt.Errorf("broker: cannot lock data directory %s: %w", dir, err)
	}
	return lock, nil
}
