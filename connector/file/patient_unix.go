//go:build unix

package file

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// patient reads a file that may have nothing to read for long, such as a pipe,
// and can be cancelled: it asks poll(2) first. Closing standard input would
// not end a read, and making it non-blocking would do so to every process that
// shares it.
type patient struct {
	in         *os.File
	r, w       *os.File // a pipe whose closed end means cancel
	descriptor int
}

func newPatient(in *os.File) (*patient, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &patient{in: in, r: r, w: w, descriptor: int(in.Fd())}, nil
}

// Read implements io.Reader. After cancel it returns os.ErrClosed.
func (p *patient) Read(b []byte) (int, error) {
	fds := []unix.PollFd{
		{Fd: int32(p.descriptor), Events: unix.POLLIN},
		{Fd: int32(p.r.Fd()), Events: unix.POLLIN},
	}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("poll: %w", err)
		case fds[1].Revents != 0:
			return 0, os.ErrClosed
		case fds[0].Revents != 0:
			return p.in.Read(b)
		}
	}
}

// cancel ends the Read that waits, and every later one.
func (p *patient) cancel() { _ = p.w.Close() }

// free is called after the last Read.
func (p *patient) free() { _ = p.r.Close() }
