//go:build !unix

package file

import "os"

// gate writes to standard output. On this system a write that waits cannot be
// cancelled.
type gate struct{ out *os.File }

func newGate(out *os.File) (*gate, error) { return &gate{out}, nil }

func (g *gate) write(b []byte) error {
	_, err := g.out.Write(b)
	return err
}

func (g *gate) cancel() {}

func (g *gate) free() {}
