package broker

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// lockName is the file whose lock says that a data directory is in use. The
// file stays; the lock goes with the process, however it ends.
const lockName = "afflux.lock"

// claim makes dir this process's own until the result is closed.
func claim(dir string) (io.Closer, error) {
	if err := usable(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("broker: cannot lock data directory %s: %w", dir, err)
	}
	held, err := tryLock(f)
	if err == nil && !held {
		err = fmt.Errorf("broker: data directory %s is in use by another broker: stop it, or choose another directory", dir)
	} else if err != nil {
		err = fmt.Errorf("broker: cannot lock %s: %w", path, err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
