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

// recorder writes the part of one subtask in one checkpoint: one file for most of
// its state, and one for each file of its own that no complete checkpoint has.
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

// refer finds the files of an operator that a complete checkpoint has. What would
// have been written instead is released at once.
func (w *recorder) refer(x *piece) {
	if w.barrier.Kind == checkpoint.Savepoint {
		return
	}
	for i := range x.files {
		f := &x.files[i]
		if s, ok := w.p.files.find(sharedKey{x.operator, f.name, f.id}); ok {
			f.kept = &s
			f.release()
		}
	}
}

// file adds a file to the state of an operator, and writes it if there is none to
// refer to.
func (w *recorder) file(x *piece, f *filePiece) error {
	if f.kept == nil {
		s, err := w.separate(f.write)
		f.release()
		if err != nil {
			return err
		}
		f.kept = &s
	}
	w.use(f.kept.file)
	if w.kept == nil {
		w.kept = map[sharedKey]sharedFile{}
	}
	w.kept[sharedKey{x.operator, f.name, f.id}] = *f.kept
	r := f.kept.content
	x.state.Blobs = append(x.state.Blobs, checkpoint.Blob{Name: filePrefix + f.name + "\t" + f.id, Stored: &r})
	return nil
}

// separate writes a file of its own.
func (w *recorder) separate(f func(to io.Writer) error) (s sharedFile, err error) {
	name := w.p.job.FileName(w.barrier, fmt.Sprintf("%d-%d-%d.file", w.p.t.cfg.Chain.ID, w.p.t.cfg.Subtask, len(w.written)))
	out, err := w.p.job.Store().Create(w.ctx, name)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, out.Abort()) }() // if it is not committed
	frame := checkpoint.NewFileWriter(out, name)
	frame.Begin()
	if err = f(&polite{to: frame, since: time.Now()}); err != nil {
		return s, err
	}
	s.content = frame.End()
	size, err := frame.Close()
	if err != nil {
		return s, err
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

// shared are the files of their own that the last complete checkpoint has: they
// need not be written again. Savepoints do not count, since the user may delete
// them. Any goroutine may use it.
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
