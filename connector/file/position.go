package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/affluxdev/afflux/connector"
)

// printSize is how many bytes of a file are compared to notice that it is not
// the one of the checkpoint: at its beginning, and ahead of the place.
const printSize = 4 << 10

// place is how far a file was read.
type place struct {
	ended    bool
	skipping bool  // in the middle of an overlong line
	offset   int64 // uncompressed bytes ahead of the next record
	lines    int64 // ahead of it
	size     int64 // of the file, then
	head     print // of the file as it stands on the disk
	tail     print // ahead of offset; of uncompressed files only
}

// print is a hash of bytes of a file.
type print struct {
	length int64
	hash   uint64
}

// printOf hashes length bytes that end at end.
func printOf(f io.ReaderAt, end, length int64) (print, error) {
	b := make([]byte, min(length, end))
	if _, err := f.ReadAt(b, end-int64(len(b))); err != nil && (err != io.EOF || len(b) > 0) {
		return print{}, err
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return print{int64(len(b)), h.Sum64()}, nil
}

// take completes p with what identifies the file.
func (p *place) take(f *os.File, plain bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.size = info.Size()
	if p.head, err = printOf(f, min(p.size, printSize), printSize); err == nil && plain {
		p.tail, err = printOf(f, p.offset, printSize)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be read again; it was cut off or replaced while it was read: %w", f.Name(), err)
	}
	return nil
}

const (
	placeForm   = 1 // of the encoding
	flagEnded   = 1
	flagSkipped = 2
)

func (p *place) encode() []byte {
	b := []byte{placeForm, 0}
	if p.ended {
		b[1] |= flagEnded
	}
	if p.skipping {
		b[1] |= flagSkipped
	}
	for _, n := range []int64{p.offset, p.lines, p.size, p.head.length, p.tail.length} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.BigEndian.AppendUint64(b, p.head.hash)
	return binary.BigEndian.AppendUint64(b, p.tail.hash)
}

func decodePlace(b []byte) (p place, err error) {
	damaged := errors.New("its place in the checkpoint is damaged, or of a later version")
	if len(b) < 2 || b[0] != placeForm || b[1]&^(flagEnded|flagSkipped) != 0 {
		return p, damaged
	}
	p.ended, p.skipping = b[1]&flagEnded != 0, b[1]&flagSkipped != 0
	b = b[2:]
	for _, to := range []*int64{&p.offset, &p.lines, &p.size, &p.head.length, &p.tail.length} {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > math.MaxInt64 {
			return p, damaged
		}
		*to, b = int64(v), b[n:]
	}
	if len(b) != 16 || p.head.length > printSize || p.tail.length > printSize || p.tail.length > p.offset {
		return p, damaged
	}
	p.head.hash, p.tail.hash = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	return p, nil
}

// verify tells whether the file at path is still the one that p is a place in.
func (p *place) verify(path string) error {
	const remedy = "put back the file that was read, or give the new one another name"
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("file: was read up to line %d at the checkpoint and is not there: %w", p.lines, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if info.Size() < p.size {
		return fmt.Errorf("file %s: has %d bytes, at the checkpoint it had %d: it was cut off or replaced; %s", path, info.Size(), p.size, remedy)
	}
	for _, c := range []struct {
		print
		end  int64
		what string
	}{{p.head, p.head.length, "its beginning"}, {p.tail, p.offset, fmt.Sprintf("what is ahead of line %d", p.lines+1)}} {
		if c.length == 0 {
			continue
		}
		if now, err := printOf(f, c.end, c.length); err != nil {
			return fmt.Errorf("file %s: %w", path, err)
		} else if now != c.print {
			return fmt.Errorf("file %s: %s is not as it was at the checkpoint: the file was replaced or changed; %s", path, c.what, remedy)
		}
	}
	return nil
}

// Positions implements connector.Positioned.
func (r *reader[T]) Positions() ([]connector.Split, error) {
	splits := slices.Clone(r.ended)
	for i := r.at; i < len(r.inputs); i++ {
		in := &r.inputs[i]
		p := in.place
		if i == r.at && r.opened && r.headed {
			p = r.place()
			if r.file != nil {
				if err := p.take(r.file, r.source.config.compressionOf(in.path) == compressNone); err != nil {
					return nil, err
				}
			}
		}
		splits = append(splits, connector.Split{ID: in.path, Position: p.encode()})
	}
	return splits, nil
}

// place is how far the open file was read, without what identifies it.
func (r *reader[T]) place() place {
	return place{skipping: r.scan.skipping, offset: r.scan.offset(), lines: r.scan.lines}
}

// end remembers that the open file was read to its end.
func (r *reader[T]) end() error {
	p := r.place()
	p.ended = true
	in := &r.inputs[r.at]
	if r.file != nil {
		if err := p.take(r.file, r.source.config.compressionOf(in.path) == compressNone); err != nil {
			return err
		}
	}
	r.ended = append(r.ended, connector.Split{ID: in.path, Position: p.encode()})
	return nil
}

// resume sorts out which of the files were read to their end, and where to go
// on in the others. It returns the files that are left for this subtask.
func (r *reader[T]) resume(files []string) ([]input[T], error) {
	places := map[string]place{}
	gone := 0
	if r.sub.Resume != nil {
		for _, s := range r.sub.Resume.Splits {
			p, err := decodePlace(s.Position)
			if err != nil {
				return nil, fmt.Errorf("file %s: %w", s.ID, err)
			}
			places[s.ID] = p
			if slices.Contains(files, s.ID) {
				continue
			}
			// It must not be read again if it comes back, so somebody keeps its place.
			if !p.ended && p.offset > 0 {
				return nil, fmt.Errorf("file %s: was read up to line %d at the checkpoint and is no longer among the files of the source; put it back, or name it too", s.ID, p.lines)
			}
			if gone%r.sub.Parallelism == r.sub.Index && p.ended {
				r.ended = append(r.ended, s)
			}
			gone++
		}
	}
	var left []input[T]
	for i := r.sub.Index; i < len(files); i += r.sub.Parallelism {
		in := input[T]{path: files[i], place: places[files[i]]}
		if in.place.ended {
			if err := r.past(&in); err != nil {
				return nil, err
			}
			continue
		}
		if in.path == stdio && r.sub.Resume != nil && len(places) > 0 {
			return nil, errors.New("standard input cannot be read again, so the job cannot go on from a checkpoint; start it without one, or read a file")
		}
		if in.place.offset > 0 {
			if err := in.place.verify(in.path); err != nil {
				return nil, err
			}
		}
		left = append(left, in)
	}
	return left, nil
}

// past accounts for a file that was read to its end before the checkpoint.
func (r *reader[T]) past(in *input[T]) error {
	r.ended = append(r.ended, connector.Split{ID: in.path, Position: in.place.encode()})
	if in.path == stdio {
		return nil
	}
	err := in.place.verify(in.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.total += in.place.size
	r.done.Add(in.place.size)
	if info, err := os.Stat(in.path); err == nil && info.Size() > in.place.size && r.sub.Log != nil {
		r.sub.Log.Warn("a file has grown since it was read to its end; what was added is not read", "file", in.path, "bytes", info.Size()-in.place.size)
	}
	return nil
}

// proceed moves the scanner of the file that was just opened to the place of the
// checkpoint.
func (r *reader[T]) proceed() error {
	p := &r.inputs[r.at].place
	if p.offset == 0 {
		return nil
	}
	if r.source.config.compressionOf(r.inputs[r.at].path) != compressNone {
		return r.scan.passOver(p)
	}
	at, err := r.file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = r.file.Seek(p.offset, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	r.done.Add(p.offset - at)
	r.scan.jump(p)
	return nil
}
