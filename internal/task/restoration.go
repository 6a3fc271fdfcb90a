package task

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/checkpoint"
	"github.com/affluxdev/afflux/state"
)

// restoration is what one subtask takes up of one operator.
type restoration struct {
	ctx      context.Context
	r        *Restored
	o        *checkpoint.Operator
	index    int
	of       int
	subtasks []checkpoint.SubtaskState // that had keys of this one
}

func newRestoration(ctx context.Context, r *Restored, o *checkpoint.Operator, l *link) *restoration {
	w := &restoration{ctx: ctx, r: r, o: o}
	w.index, w.of = l.Subtask()
	from, to := event.GroupRange(w.index, w.of)
	for _, s := range o.Subtasks {
		if a, b := event.GroupRange(s.Index, o.Parallelism); a < to && from < b {
			w.subtasks = append(w.subtasks, s)
		}
	}
	return w
}

// Owns implements state.Restoration.
func (w *restoration) Owns(hash uint64) bool {
	return event.SubtaskOf(event.KeyGroup(hash), w.of) == w.index
}

// Whole implements state.Restoration.
func (w *restoration) Whole() bool {
	return w.of == w.o.Parallelism && len(w.subtasks) == 1 && w.subtasks[0].Index == w.index
}

// AllowUnclaimed implements state.Restoration.
func (w *restoration) AllowUnclaimed() bool { return w.r.AllowUnclaimed }

// Blobs implements state.Restoration.
func (w *restoration) Blobs(name string, f func(subtask int, data []byte) error) error {
	return w.blobs(w.subtasks, blobPrefix+name, f)
}

// Everyone implements state.Restoration.
func (w *restoration) Everyone(name string, f func(subtask int, data []byte) error) error {
	return w.blobs(w.o.Subtasks, blobPrefix+name, f)
}

// mostBlob bounds a blob that is read, in bytes.
const mostBlob = 1 << 30

func (w *restoration) blobs(of []checkpoint.SubtaskState, name string, f func(subtask int, data []byte) error) error {
	for _, s := range of {
		for _, b := range s.Blobs {
			if b.Name != name {
				continue
			}
			data := slices.Clone(b.Data)
			if b.Stored != nil {
				if b.Stored.Length > mostBlob {
					return fmt.Errorf("%q of subtask %d is %d bytes long; %d are allowed", name, s.Index, b.Stored.Length, mostBlob)
				}
				if err := w.r.read(w.ctx, *b.Stored, func(r io.Reader) (err error) { data, err = io.ReadAll(r); return err }); err != nil {
					return err
				}
			}
			if err := f(s.Index, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// Keyed implements state.Restoration.
func (w *restoration) Keyed(name string, f func(r io.Reader) error) error {
	for _, s := range w.subtasks {
		for _, k := range s.Keyed {
			if k.State != name {
				continue
			}
			if err := w.r.read(w.ctx, k.Range, f); err != nil {
				return fmt.Errorf("state %q of subtask %d: %w", name, s.Index, err)
			}
		}
	}
	return nil
}

// Files implements state.Restoration.
func (w *restoration) Files(name string, f func(subtask int, id string, r io.Reader) error) error {
	prefix := filePrefix + name + "\t"
	for _, s := range w.subtasks {
		for _, b := range s.Blobs {
			id, ok := strings.CutPrefix(b.Name, prefix)
			if !ok || b.Stored == nil {
				continue
			}
			if err := w.r.read(w.ctx, *b.Stored, func(r io.Reader) error { return f(s.Index, id, r) }); err != nil {
				return fmt.Errorf("file %q of subtask %d: %w", name, s.Index, err)
			}
		}
	}
	return nil
}

var _ state.Restoration = (*restoration)(nil)
