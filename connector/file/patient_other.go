//go:build !unix

package file

import "os"

// patient reads standard input. On this system a read that waits ends only
// with the input, so cancel waits for it.
type patient struct{ in *os.File }

func newPatient(in *os.File) (*patient, error) { return &patient{in}, nil }

func (p *patient) Read(b []byte) (int, error) { return p.in.Read(b) }

func (p *patient) cancel() { _ = p.in.Close() }

func (p *patient) free() {}
