package checkpoint

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// FileWriter frames a file of state. One goroutine uses it. A write error stays:
// every later call returns it.
type FileWriter struct {
	w       io.Writer
	name    string
	block   []byte // head and content
	index   uint64
	content int64
	open    *Range
	err     error
	closed  bool
}

// NewFileWriter frames what is written and hands it on to w in pieces of 64
// KiB. The name is that of the file in the store.
func NewFileWriter(w io.Writer, name string) *FileWriter {
	f := &FileWriter{w: w, name: name, block: make([]byte, blockHead, blockHead+blockSize)}
	_, f.err = w.Write(appendFileHeader(nil))
	return f
}

// Write adds content.
func (f *FileWriter) Write(p []byte) (int, error) {
	if f.closed {
		return 0, errors.New("write to a file of state that is closed")
	}
	if f.open != nil {
		f.open.Checksum = crc32.Update(f.open.Checksum, castagnoli, p)
	}
	written := 0
	for len(p) > 0 && f.err == nil {
		n := copy(f.block[len(f.block):cap(f.block)], p)
		f.block = f.block[:len(f.block)+n]
		p, written = p[n:], written+n
		f.content += int64(n)
		if len(f.block) == cap(f.block) {
			f.flush()
		}
	}
	return written, f.err
}

func (f *FileWriter) flush() {
	content := f.block[blockHead:]
	binary.LittleEndian.PutUint32(f.block, uint32(len(content)))
	binary.LittleEndian.PutUint32(f.block[4:], blockChecksum(f.index, content))
	_, f.err = f.w.Write(f.block)
	f.block = f.block[:blockHead]
	f.index++
}

// Begin starts a range, at the end of what is written.
func (f *FileWriter) Begin() { f.open = &Range{File: f.name, Offset: f.content} }

// End ends the range that was started last.
func (f *FileWriter) End() Range {
	r := *f.open
	f.open = nil
	r.Length = f.content - r.Offset
	return r
}

// Close writes what is left, and returns the size of the whole file in bytes.
// It does not close w.
func (f *FileWriter) Close() (int64, error) {
	if !f.closed && f.err == nil {
		if len(f.block) > blockHead {
			f.flush()
		}
		if f.err == nil {
			_, f.err = f.w.Write(appendFileTrailer(nil, f.content))
		}
	}
	f.closed = true
	return fileSize(f.content), f.err
}
