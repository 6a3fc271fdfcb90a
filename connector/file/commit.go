package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/affluxdev/afflux/connector"
)

// rename is a part to be committed.
type rename struct{ part, final string }

// commit gives parts their names. Those that have them, or had them until somebody
// moved the file away, are passed over.
func (n naming) commit(handles []handle) error {
	before, last := map[int]int64{}, map[int]int64{}
	var todo []rename
	for _, h := range handles {
		if _, ok := before[h.Subtask]; !ok {
			v, err := readNumber(n.committed(h.Subtask))
			if err != nil {
				return err
			}
			before[h.Subtask], last[h.Subtask] = v, v
		}
		r := rename{filepath.Join(n.dir, h.Part), filepath.Join(n.dir, h.Final)}
		here, err := n.check(h, r, h.Sequence <= before[h.Subtask])
		if err != nil {
			return err
		}
		if here {
			todo = append(todo, r)
			last[h.Subtask] = max(last[h.Subtask], h.Sequence)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	// First the numbers: a part whose number is there, and which is gone, has had
	// its name.
	for subtask, v := range last {
		if v > before[subtask] {
			if err := writeNumber(n.committed(subtask), v); err != nil {
				return err
			}
		}
	}
	if err := syncDirectory(n.dir); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	for _, r := range todo {
		if err := os.Rename(r.part, r.final); err != nil {
			return fmt.Errorf("file: cannot commit: %w", err)
		}
	}
	if err := syncDirectory(n.dir); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

// check tells whether a part is there to be renamed. begun says that its commit
// was begun before.
func (n naming) check(h handle, r rename, begun bool) (bool, error) {
	info, err := os.Lstat(r.part)
	_, named := os.Lstat(r.final)
	switch {
	case err == nil && named == nil:
		return false, fmt.Errorf("file %s: exists already and is not of this checkpoint; move it away, the records are in %s", r.final, r.part)
	case err == nil && info.Size() != h.Bytes:
		return false, fmt.Errorf("file %s: has %d bytes, the checkpoint says %d: it was damaged", r.part, info.Size(), h.Bytes)
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("file: %w", err)
	case named == nil || begun:
		return false, nil
	}
	return false, fmt.Errorf("file %s: is in the checkpoint and not in the directory, nor is %s: put the directory back as the job left it", r.part, filepath.Base(r.final))
}

// Recover implements connector.Recoverer.
func (s *sink[T]) Recover(_ context.Context, r connector.Recovery) error {
	if s.path() == stdio || special(s.path()) {
		return nil
	}
	n := newNaming(s.path(), r.Job, r.Operator)
	var handles []handle
	for _, b := range r.Prepared {
		h, err := decodeHandle(b)
		if err != nil {
			return err
		}
		handles = append(handles, h)
	}
	// From here on, writers of an earlier attempt do not commit.
	attempt, err := readNumber(n.attempts())
	if err == nil {
		err = writeNumber(n.attempts(), attempt+1)
	}
	if err == nil {
		err = n.commit(handles)
	}
	if err == nil {
		err = n.sweep()
	}
	return err
}

// sweep removes the parts that are left.
func (n naming) sweep() error {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	for _, e := range entries {
		if !n.isPart(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(n.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("file: cannot remove a part of an earlier attempt: %w", err)
		}
	}
	if err := syncDirectory(n.dir); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}
