//go:build unix

package file

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// portion is what a pipe takes at once when poll(2) says that it takes more.
const portion = 4096

// gate writes to a file that may take nothing for long, such as a pipe, and
// can be cancelled.
type gate struct {
	out        *os.File
	r, w       *os.File // a pipe whose closed end means cancel
	regular    bool
	descriptor int
}

func newGate(out *os.File) (*gate, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	g := &gate{out: out, r: r, w: w, descriptor: int(out.Fd())}
	if info, err := out.Stat(); err == nil {
		g.regular = info.Mode().IsRegular()
	}
	return g, nil
}

// write writes all of b. After cancel it returns os.ErrClosed.
func (g *gate) write(b []byte) error {
	if g.regular {
		_, err := g.out.Write(b)
		return err
	}
	fds := []unix.PollFd{
		{Fd: int32(g.descriptor), Events: unix.POLLOUT},
		{Fd: int32(g.r.Fd()), Events: unix.POLLIN},
	}
	for len(b) > 0 {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return os.NewSyscallError("poll", err)
		case fds[1].Revents != 0:
			return os.ErrClosed
		}
		n, err := g.out.Write(b[:min(len(b), portion)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// cancel ends the write that waits, and every later one.
func (g *gate) cancel() { _ = g.w.Close() }

// free is called after the last write.
func (g *gate) free() { _ = g.r.Close() }
