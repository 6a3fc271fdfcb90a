package file

import (
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type compression uint8

const (
	compressAuto compression = iota
	compressNone
	compressGzip
	compressZstd
)

// compressionOf decides by option, else by the name of the file.
func (c *config) compressionOf(path string) compression {
	if c.compress != compressAuto {
		return c.compress
	}
	switch lower := strings.ToLower(path); {
	case strings.HasSuffix(lower, ".gz"):
		return compressGzip
	case strings.HasSuffix(lower, ".zst"), strings.HasSuffix(lower, ".zstd"):
		return compressZstd
	}
	return compressNone
}

// uncompressedName cuts the ending of a compression off.
func uncompressedName(path string) string {
	for _, ext := range []string{".gz", ".zst", ".zstd"} {
		if n := len(path) - len(ext); n > 0 && strings.EqualFold(path[n:], ext) {
			return path[:n]
		}
	}
	return path
}

// maxWindow bounds the memory that a zstd stream may ask for.
const maxWindow = 64 << 20

// decompress returns a reader of the contents of r and a function that frees
// it.
func decompress(r io.Reader, how compression) (io.Reader, func(), error) {
	switch how {
	case compressGzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("not gzip, or corrupt: %w", err)
		}
		return z, func() { _ = z.Close() }, nil
	case compressZstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("not zstd, or corrupt: %w", err)
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// compressor is the writing side: flush writes what it holds so that it can be
// read, close ends the stream.
type compressor interface {
	io.Writer
	Flush() error
	Close() error
}

type plain struct{ io.Writer }

func (plain) Flush() error { return nil }
func (plain) Close() error { return nil }

func compress(w io.Writer, how compression) (compressor, error) {
	switch how {
	case compressGzip:
		return gzip.NewWriter(w), nil
	case compressZstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return plain{w}, nil
}
