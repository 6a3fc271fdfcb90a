package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
)

// recorder writes the part of one subtask in one checkpoint: one file for all of
// its state, and one for each file of a state that is on disk.
type recorder struct {
	ctx     context.Context
	p       *barriers
	barrier checkpoint.Barrier
	part    checkpoint.Part
	used    map[string]checkpoint.File
	written []checkpoint.File
	kept    map[sharedKey]sharedFile
	bytes   int64

	pending checkpoint.Pending
	frame   *checkpoint.FileWriter
	name    string
}

// large is the size of a blob that goes into a file instead of the manifest.
const large = 4 << 10

// ranged writes a piece into the file of the subtask.
func (w *recorder) ranged(f func(to io.Writer) error) (checkpoint.Range, error) {
	if w.frame == nil {
		w.name = w.p.job.FileName(w.barrier, fmt.Sprintf("%d-%d.state", w.p.t.cfg.Chain.ID, w.p.t.cfg.Subtask))
		pending, err := w.p.job.Store().Create(w.ctx, w.name)
		if err != nil {
			return checkpoint.Range{}, err
		}
		w.pending, w.frame = pending, checkpoint.NewFileWriter(pending, w.name)
	}
	w.frame.Begin()
	err := f(&polite{to: w.frame, since: time.Now()})
	return w.frame.End(), err
}

// polite is a writer that lets tasks go on now and then. Whoever encodes state
// could keep a processor for 10 ms otherwise, and tasks that wait for one have
// stopped.
type polite struct {
	to    io.Writer
	since time.Time
}

// turn is how long a task may wait for that. Shorter ones make writing slow, and
// tasks save what is not written yet ahead of each change.
const turn = time.Millisecond

// Write implements io.Writer.
func (p *polite) Write(b []byte) (int, error) {
	if time.Since(p.since) > turn {
		runtime.Gosched()
		p.since = time.Now()
	}
	return p.to.Write(b)
}

// blobs moves the large ones into the file.
func (w *recorder) blobs(x *piece) error {
	for i := range x.state.Blobs {
		b := &x.state.Blobs[i]
		if len(b.Data) <= large {
			continue
		}
		r, err := w.ranged(func(to io.Writer) error { _, err := to.Write(b.Data); return err })
		if err != nil {
			return err
		}
		b.Data, b.Stored = nil, &r
	}
	return nil
}

// file refers to a file that a complete checkpoint has, or writes it.
func (w *recorder) file(x *piece, f filePiece) error {
	key := sharedKey{x.operator, f.name, f.id}
	s, ok := sharedFile{}, false
	if w.barrier.Kind != checkpoint.Savepoint {
		s, ok = w.p.files.find(key)
	}
	if !ok {
		var err error
		if s, err = w.copy(f); err != nil {
			return err
		}
	}
	w.use(s.file)
	if w.kept == nil {
		w.kept = map[sharedKey]sharedFile{}
	}
	w.kept[key] = s
	r := s.content
	x.state.Blobs = append(x.state.Blobs, checkpoint.Blob{Name: filePrefix + f.name + "\t" + f.id, Stored: &r})
	return nil
}

func (w *recorder) copy(f filePiece) (s sharedFile, err error) {
	in, err := f.open()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	name := w.p.job.FileName(w.barrier, fmt.Sprintf("%d-%d-%d.file", w.p.t.cfg.Chain.ID, w.p.t.cfg.Subtask, len(w.written)))
	out, err := w.p.job.Store().Create(w.ctx, name)
	if err != nil {
		return s, err
	}
	frame := checkpoint.NewFileWriter(out, name)
	frame.Begin()
	if _, err = io.Copy(frame, in); err != nil {
		return s, errors.Join(err, out.Abort())
	}
	s.content = frame.End()
	size, err := frame.Close()
	if err != nil {
		return s, errors.Join(err, out.Abort())
	}
	s.file = checkpoint.File{Name: name, Size: size, Checkpoint: w.barrier.ID}
	w.written = append(w.written, s.file)
	w.bytes += size
	return s, out.Commit()
}

func (w *recorder) use(f checkpoint.File) {
	if w.used == nil {
		w.used = map[string]checkpoint.File{}
	}
	w.used[f.Name] = f
}

// close ends the file of the subtask.
func (w *recorder) close(good bool) error {
	if w.frame == nil {
		return nil
	}
	size, err := w.frame.Close()
	if err != nil || !good {
		return errors.Join(err, w.pending.Abort())
	}
	f := checkpoint.File{Name: w.name, Size: size, Checkpoint: w.barrier.ID}
	w.written = append(w.written, f)
	w.use(f)
	w.bytes += size
	return w.pending.Commit()
}

// finish lists the files of the part.
func (w *recorder) finish() checkpoint.Part {
	for _, name := range slices.Sorted(maps.Keys(w.used)) {
		w.part.Files = append(w.part.Files, w.used[name])
	}
	return w.part
}

// shared are the files of states on disk that the last complete checkpoint has:
// they need not be written again. Any goroutine may use it.
type shared struct {
	mu   sync.Mutex
	last map[sharedKey]sharedFile
	new  map[int64]map[sharedKey]sharedFile // by checkpoint that may become complete
}

type sharedKey struct{ operator, name, id string }

type sharedFile struct {
	file    checkpoint.File
	content checkpoint.Range
}

func (s *shared) find(k sharedKey) (sharedFile, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.last[k]
	return f, ok
}

func (s *shared) written(id int64, files map[sharedKey]sharedFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.new == nil {
		s.new = map[int64]map[sharedKey]sharedFile{}
	}
	s.new[id] = files
}

func (s *shared) complete(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if files, ok := s.new[id]; ok {
		s.last = files
	}
	maps.DeleteFunc(s.new, func(n int64, _ map[sharedKey]sharedFile) bool { return n <= id })
}

func appendTime(dst []byte, t event.Time) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(t))
}

func readTime(b []byte) (event.Time, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("a stored time has %d bytes, not 8", len(b))
	}
	return event.Time(binary.LittleEndian.Uint64(b)), nil
}
