package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/affluxdev/afflux/connector"
	"github.com/affluxdev/afflux/event"
)

// rolling writes the records of one subtask to parts: each checkpoint ends one,
// which gets its name when the checkpoint is complete.
type rolling[T any] struct {
	*writer[T]
	naming  naming
	how     compression
	attempt int64
	next    int64  // sequence number of the next part
	begun   int64  // records taken ahead of the open part
	name    string // of the open part, w.out

	mu      sync.Mutex // held for no longer than a list operation
	pending []*part    // prepared and not committed, in order

	commits sync.Mutex // one commit at a time
}

// newRolling makes w write parts beside path.
func newRolling[T any](w *writer[T], path string, how compression) (*rolling[T], error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("file %s: is a directory; name a file in it", path)
	}
	r := &rolling[T]{writer: w, naming: newNaming(path, w.sub.Job, w.sub.Operator), how: how, next: 1}
	var err error
	if r.attempt, err = readNumber(r.naming.attempts()); err != nil {
		return nil, err
	}
	last, err := readNumber(r.naming.committed(w.sub.Index))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(r.naming.dir)
	if err != nil {
		return nil, fmt.Errorf("file: cannot write beside %s: %w", path, err)
	}
	for _, e := range entries {
		last = max(last, r.naming.sequence(e.Name(), w.sub.Index))
	}
	r.next = last + 1
	return r, nil
}

// Write implements connector.Writer. A part begins with the first record.
func (r *rolling[T]) Write(b *event.Records[T], from int) (int, error) {
	if r.out == nil && r.failed == nil && from < b.Len() {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	return r.writer.Write(b, from)
}

// open begins a part.
func (r *rolling[T]) open() error {
	final := r.naming.final(r.sub.Index, r.next)
	r.name = r.naming.part(final)
	f, err := os.OpenFile(filepath.Join(r.naming.dir, r.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("file: cannot begin %s: %w", final, err)
	}
	r.next++
	r.out = &temporary{f, filepath.Join(r.naming.dir, final)}
	if again, ok := r.z.(interface{ Reset(io.Writer) }); ok {
		again.Reset(r.out)
	} else if r.z, err = compress(r.out, r.how); err != nil {
		return r.fail(err)
	}
	r.begun = r.taken
	r.header()
	return nil
}

// roll ends the open part, which becomes pending. It returns nil if it has no
// record.
func (r *rolling[T]) roll() (*part, error) {
	if r.out == nil || r.taken == r.begun {
		return nil, nil
	}
	if err := r.write(); err != nil {
		return nil, err
	}
	if err := r.z.Close(); err != nil {
		return nil, r.fail(err)
	}
	t := r.out.(*temporary)
	info, err := t.Stat()
	if err != nil {
		return nil, r.fail(err)
	}
	p := &part{file: t.File, handle: handle{Part: r.name, Final: filepath.Base(t.path),
		Subtask: r.sub.Index, Sequence: r.next - 1, Bytes: info.Size()}}
	r.out = nil
	r.mu.Lock()
	r.pending = append(r.pending, p)
	r.mu.Unlock()
	return p, nil
}

// Prepare implements connector.Preparer.
func (r *rolling[T]) Prepare() (connector.Prepared, error) {
	if r.failed != nil {
		return connector.Prepared{}, r.failed
	}
	p, err := r.roll()
	if err != nil {
		return connector.Prepared{}, err
	}
	prepared := connector.Prepared{}
	if p != nil {
		if prepared.Handle, err = p.encode(); err != nil {
			return connector.Prepared{}, err
		}
	}
	if parts := r.parts(); len(parts) > 0 { // those of checkpoints that were given up too
		prepared.Durable = func(context.Context) error { return r.durable(parts) }
	}
	return prepared, nil
}

// parts returns the pending parts as they are now.
func (r *rolling[T]) parts() []*part {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pending)
}

// durable returns when parts are safe.
func (r *rolling[T]) durable(parts []*part) error {
	if len(parts) == 0 {
		return nil
	}
	var err error
	for _, p := range parts {
		if e := p.sync(); e != nil {
			err = errors.Join(err, fmt.Errorf("file: cannot make %s durable: %w", filepath.Join(r.naming.dir, p.Final), e))
		}
	}
	if err == nil {
		err = syncDirectory(r.naming.dir)
	}
	return err
}

// Commit implements connector.Preparer.
func (r *rolling[T]) Commit(_ context.Context, handles [][]byte) error {
	var all []handle
	for _, b := range handles {
		h, err := decodeHandle(b)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	return r.commit(all)
}

func (r *rolling[T]) commit(all []handle) error {
	if len(all) == 0 {
		return nil
	}
	r.commits.Lock()
	defer r.commits.Unlock()
	now, err := readNumber(r.naming.attempts())
	if err != nil {
		return err
	}
	if now != r.attempt {
		return fmt.Errorf("file %s: a later attempt of the job writes here; this one must not go on", filepath.Join(r.naming.dir, all[0].Final))
	}
	if err := r.naming.commit(all); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = slices.DeleteFunc(r.pending, func(p *part) bool { return slices.Contains(all, p.handle) })
	return nil
}

// Flush implements connector.Writer.
func (r *rolling[T]) Flush(ctx context.Context) error {
	if r.failed != nil {
		return r.failed
	}
	if r.out != nil {
		if err := r.writer.Flush(ctx); err != nil {
			return err
		}
	} else if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.durable(r.parts()); err != nil {
		return err
	}
	r.clean = true
	return nil
}

// Close implements connector.Writer. After a Flush everything gets its name. Else
// the open part is removed, and prepared ones stay: a checkpoint may have them.
func (r *rolling[T]) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var err error
	if r.clean && r.failed == nil {
		if _, err = r.roll(); err == nil {
			err = r.finish()
		}
	}
	if r.out != nil {
		if r.z != nil {
			_ = r.z.Close() // frees the compressor; what it writes is removed
		}
		err = errors.Join(err, r.out.abandon())
	}
	for _, p := range r.parts() {
		p.close()
	}
	return err
}

// finish commits everything that is prepared.
func (r *rolling[T]) finish() error {
	parts := r.parts()
	if err := r.durable(parts); err != nil {
		return err
	}
	var all []handle
	for _, p := range parts {
		all = append(all, p.handle)
	}
	return r.commit(all)
}
