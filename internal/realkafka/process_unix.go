//go:build unix

package realkafka

import (
	"os"
	"syscall"
)

var (
	terminate os.Signal = syscall.SIGTERM
	pause     os.Signal = syscall.SIGSTOP
	resume    os.Signal = syscall.SIGCONT
)

// supported tells whether processes can be stopped and paused by signals.
const supported = true

// lock waits for the lock on a file, which ends with the process at the latest.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
