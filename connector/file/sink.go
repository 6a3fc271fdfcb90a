package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/affluxdev/afflux/connector"
)

// Sink writes records to the file at path, or to standard output if path is
// "-". A file gets its name, replacing an older one, when it is complete and
// durable; until then the records stand in a hidden temporary file beside it,
// which is removed when the job fails; after a kill it stays behind, and a
// Source of the directory passes it over. When the sink has a parallelism of more
// than one, subtask i writes path with -i ahead of its extension: out-0.csv.
//
// In a job that takes checkpoints, each record is in the output exactly once: a
// subtask writes parts, each with the records of one checkpoint, and a part gets
// its name when the checkpoint is complete: out-0-1.csv, out-0-2.csv, with the
// number of the subtask and of the part. Until then it is hidden. A part without
// records is not written. Numbers go on after a restart and are not used again, so
// nothing is ever replaced and complete files may be moved away; a file that has
// the name of a part is an error. The sink keeps its place in hidden files beside
// the parts, so the directory must outlive the process: a job that is recovered
// and does not find a part of its checkpoint is refused.
//
// Standard output, pipes and devices are written at least once: after a recovery
// the records since the checkpoint come again.
//
// Only one option of the form counts, as for a Source.
func Sink[T any](path string, options ...Option) connector.Sink[T] {
	return &sink[T]{config: newConfig(path, options), stdout: os.Stdout}
}

type sink[T any] struct {
	config config
	stdout *os.File
	create func(path string) (target, error) // replaces newTarget in tests
}

func (s *sink[T]) path() string { return s.config.paths[0] }

// Describe implements connector.Sink.
func (s *sink[T]) Describe() connector.Description {
	d := connector.Description{Kind: "file", Target: s.path(), WritesStdout: s.path() == stdio}
	if d.WritesStdout || special(s.path()) {
		d.MaxParallelism = 1
	}
	return d
}

// special tells whether a path is a device or a pipe, which is written to as
// it is.
func special(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Open implements connector.Sink.
func (s *sink[T]) Open(_ context.Context, sub connector.Subtask) (connector.Writer[T], error) {
	c := &s.config
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.paths) > 1 {
		return nil, fmt.Errorf("file: a sink writes one path, not %d", len(c.paths))
	}
	path := s.path()
	if path == "" {
		return nil, fmt.Errorf("file: the path of the sink is empty")
	}
	if sub.Parallelism > 1 && s.Describe().MaxParallelism == 1 {
		return nil, fmt.Errorf("file %s: cannot be written by %d subtasks; set the parallelism of this sink to 1", path, sub.Parallelism)
	}
	f, err := formatOf[T](c, path)
	if err != nil {
		return nil, err
	}
	w := &writer[T]{sub: sub, lines: f.lines, comma: c.comma}
	if f.rows != nil {
		w.rows = f.rows.NewEncoder()
	}
	w.eager = path == stdio || special(path)
	if sub.Checkpoints && !w.eager && s.create == nil {
		return newRolling(w, path, c.compressionOf(path))
	}
	switch {
	case path == stdio:
		w.relay, err = startRelay(s.stdout, sub.Wake)
		w.out = w.relay
	case s.create != nil:
		w.out, err = s.create(path)
	default:
		w.out, err = newTarget(numbered(path, sub.Index, sub.Parallelism))
	}
	if err != nil {
		return nil, err
	}
	if w.z, err = compress(w.out, c.compressionOf(path)); err != nil {
		_ = w.out.abandon()
		return nil, fmt.Errorf("file %s: %w", path, err)
	}
	w.header()
	return w, nil
}

// numbered puts the number of a subtask ahead of the extensions of a path.
func numbered(path string, index, parallelism int) string {
	if parallelism == 1 {
		return path
	}
	name := uncompressedName(path)
	end := path[len(name):]
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s%s", strings.TrimSuffix(name, ext), index, ext, end)
}
