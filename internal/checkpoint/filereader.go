package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// FileReader reads a range of a file of state and checks every block before it
// hands it out, so that what comes out is what was written there. Only at the
// end it is known whether the range is the right one: until Read has returned
// io.EOF, nothing must be done that cannot be undone. Damage is a [*Damage].
type FileReader struct {
	src    io.ReadCloser
	file   File
	index  uint64 // of the next block
	offset int64  // of the next block in the file
	skip   int64  // of the next block's content
	left   int64  // of the range
	total  int64  // content of the file
	want   uint32
	sum    uint32
	block  []byte // head and content
	unread []byte
	err    error
}

// OpenRange reads a range of a file, which must lie in it ([Manifest.Check]).
// The file must have the size that the manifest says.
func OpenRange(ctx context.Context, s Store, file File, r Range) (*FileReader, error) {
	total, err := contentSize(file.Size)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", file.Name, err)
	}
	if r.File != file.Name || r.Offset < 0 || r.Length < 0 || r.Offset > total || r.Length > total-r.Offset {
		return nil, fmt.Errorf("there are no %d bytes at %d of %s in %s, which holds %d bytes", r.Length, r.Offset, r.File, file.Name, total)
	}
	first := r.Offset / blockSize
	f := &FileReader{file: file, index: uint64(first), offset: fileHeader + first*(blockHead+blockSize), skip: r.Offset - first*blockSize,
		left: r.Length, total: total, want: r.Checksum}
	if r.Length == 0 {
		f.src = io.NopCloser(nil)
		f.finish()
		return f, nil
	}
	last := (r.Offset + r.Length - 1) / blockSize
	end := min(fileHeader+(last+1)*(blockHead+blockSize), file.Size-fileTrailer)
	f.block = make([]byte, min(blockHead+blockSize, end-f.offset))
	f.src, err = s.Open(ctx, file.Name, f.offset, end-f.offset)
	return f, err
}

// Read implements [io.Reader].
func (f *FileReader) Read(p []byte) (int, error) {
	for len(f.unread) == 0 && f.err == nil {
		f.next()
	}
	n := copy(p, f.unread)
	f.unread = f.unread[n:]
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, f.err
}

// next reads and checks a block.
func (f *FileReader) next() {
	if f.left == 0 {
		f.finish()
		return
	}
	size := min(blockSize, f.total-int64(f.index)*blockSize)
	b := f.block[:blockHead+size]
	if n, err := io.ReadFull(f.src, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = &Damage{f.file.Name, f.offset + int64(n), fmt.Sprintf("the file ends here, %d bytes are expected", f.file.Size)}
		} else {
			err = fmt.Errorf("read %s: %w", f.file.Name, err)
		}
		f.err = err
		return
	}
	content := b[blockHead:]
	switch {
	case int64(binary.LittleEndian.Uint32(b)) != size:
		f.err = &Damage{f.file.Name, f.offset, fmt.Sprintf("the block says that it has %d bytes; it has %d", binary.LittleEndian.Uint32(b), size)}
		return
	case binary.LittleEndian.Uint32(b[4:]) != blockChecksum(f.index, content):
		f.err = &Damage{f.file.Name, f.offset, "the checksum of the block is wrong"}
		return
	}
	f.unread = content[f.skip:min(size, f.skip+f.left)]
	f.sum = crc32.Update(f.sum, castagnoli, f.unread)
	f.left -= int64(len(f.unread))
	f.index, f.offset, f.skip = f.index+1, f.offset+int64(len(b)), 0
}

func (f *FileReader) finish() {
	f.err = io.EOF
	if f.sum != f.want {
		f.err = &Damage{f.file.Name, f.offset, "the checksum of the range that ends in the block before is wrong: its blocks are sound, so it is another file of the same size, or the manifest is of another checkpoint"}
	}
}

// Close ends the reading.
func (f *FileReader) Close() error { return f.src.Close() }

// ReadRange reads a range of at most limit bytes at once, wholly checked.
func ReadRange(ctx context.Context, s Store, file File, r Range, limit int64) ([]byte, error) {
	if r.Length > limit {
		return nil, fmt.Errorf("%d bytes at %d of %s are more than the limit of %d", r.Length, r.Offset, r.File, limit)
	}
	f, err := OpenRange(ctx, s, file, r)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return content, nil
}

// VerifyFile reads a whole file and checks every byte of it.
func VerifyFile(ctx context.Context, s Store, file File) error {
	total, err := contentSize(file.Size)
	if err != nil {
		return fmt.Errorf("file %s: %w", file.Name, err)
	}
	head, err := Get(ctx, s, file.Name, 0, fileHeader)
	if err != nil {
		return err
	}
	if err := checkFileHeader(head); err != nil {
		return &Damage{file.Name, 0, err.Error()}
	}
	// One byte more than there should be: a longer file is not this one.
	r, err := s.Open(ctx, file.Name, file.Size-fileTrailer, fileTrailer+1)
	if err != nil {
		return err
	}
	tail, err := io.ReadAll(io.LimitReader(r, fileTrailer+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read %s: %w", file.Name, err)
	}
	if len(tail) != fileTrailer {
		return &Damage{file.Name, file.Size - fileTrailer, fmt.Sprintf("the file is not %d bytes long", file.Size)}
	}
	if err := checkFileTrailer(tail, total); err != nil {
		return &Damage{file.Name, file.Size - fileTrailer, err.Error()}
	}
	f, err := OpenRange(ctx, s, file, Range{File: file.Name, Length: total})
	if err != nil {
		return err
	}
	// The manifest has no checksum of the whole: the blocks have theirs.
	for f.err == nil && f.left > 0 {
		f.next()
	}
	if f.left > 0 {
		return errors.Join(f.err, f.Close())
	}
	return f.Close()
}
