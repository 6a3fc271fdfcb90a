package statetest

import (
	"bytes"
	"fmt"
	"io"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
)

// Kept is a snapshot of one subtask in memory. The methods of state.Snapshot
// collect what is handed over; Write then stores it, as the engine does in the
// background.
type Kept struct {
	// ForSavepoint is what Savepoint returns.
	ForSavepoint bool
	// Earlier is the last complete snapshot of this subtask; files that it has
	// are referred to and not written. It may be nil.
	Earlier *Kept

	blobs    []Piece
	keyed    []Piece
	files    []Piece
	captures []capture
	opened   []file
	released []func()
	referred int
}

// Piece is a piece of state that was kept. Its data may be changed, to see what
// a damaged one does.
type Piece struct {
	// Name is what it was handed over under, and ID the id of a file.
	Name, ID string
	// Data is what was kept.
	Data []byte
}

type capture struct {
	name string
	state.Capture
}

// file is one that is opened or, if that is nil, written by a capture.
type file struct {
	name, id string
	open     func() (io.ReadCloser, error)
	state.Capture
}

// Savepoint implements state.Snapshot.
func (k *Kept) Savepoint() bool { return k.ForSavepoint }

// Blob implements state.Snapshot.
func (k *Kept) Blob(name string, data []byte) {
	k.blobs = append(k.blobs, Piece{Name: name, Data: bytes.Clone(data)})
}

// Keyed implements state.Snapshot.
func (k *Kept) Keyed(name string, c state.Capture) {
	k.captures = append(k.captures, capture{name, c})
}

// File implements state.Snapshot.
func (k *Kept) File(name, id string, open func() (io.ReadCloser, error)) {
	k.opened = append(k.opened, file{name: name, id: id, open: open})
}

// Unchanging implements state.Snapshot.
func (k *Kept) Unchanging(name, id string, c state.Capture) {
	k.opened = append(k.opened, file{name: name, id: id, Capture: c})
}

// Release implements state.Snapshot.
func (k *Kept) Release(f func()) { k.released = append(k.released, f) }

// Write stores what was handed over, by another goroutine than the task's if
// it is called so, and releases it. It is called once, or Drop is.
func (k *Kept) Write() error {
	defer k.Drop()
	for len(k.captures) > 0 {
		c := k.captures[0]
		k.captures = k.captures[1:]
		var out bytes.Buffer
		err := c.Write(&out)
		c.Release()
		if err != nil {
			return err
		}
		k.keyed = append(k.keyed, Piece{Name: c.name, Data: out.Bytes()})
	}
	for len(k.opened) > 0 {
		f := k.opened[0]
		k.opened = k.opened[1:]
		p, err := k.store(f)
		if err != nil {
			return err
		}
		k.files = append(k.files, p)
	}
	return nil
}

// store is what becomes of a file.
func (k *Kept) store(f file) (Piece, error) {
	if f.Capture != nil {
		defer f.Release()
	}
	if k.Earlier != nil && !k.ForSavepoint {
		for _, p := range k.Earlier.files {
			if p.Name == f.name && p.ID == f.id {
				k.referred++
				return p, nil
			}
		}
	}
	if f.Capture != nil {
		var out bytes.Buffer
		err := f.Write(&out)
		return Piece{Name: f.name, ID: f.id, Data: out.Bytes()}, err
	}
	r, err := f.open()
	if err != nil {
		return Piece{}, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return Piece{Name: f.name, ID: f.id, Data: data}, err
}

// Drop gives up what has not been stored.
func (k *Kept) Drop() {
	for _, c := range k.captures {
		c.Release()
	}
	for _, f := range k.opened {
		if f.Capture != nil {
			f.Release()
		}
	}
	for _, f := range k.released {
		f()
	}
	k.captures, k.opened, k.released = nil, nil, nil
}

// Referred is how many of its files are those of Earlier.
func (k *Kept) Referred() int { return k.referred }

// Pieces are all that is kept, to be damaged or counted.
func (k *Kept) Pieces() (all []*Piece) {
	for _, list := range [][]Piece{k.blobs, k.keyed, k.files} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

// Copy is the same snapshot with memory of its own.
func (k *Kept) Copy() *Kept {
	copies := func(list []Piece) (out []Piece) {
		for _, p := range list {
			out = append(out, Piece{p.Name, p.ID, bytes.Clone(p.Data)})
		}
		return out
	}
	return &Kept{ForSavepoint: k.ForSavepoint, blobs: copies(k.blobs), keyed: copies(k.keyed), files: copies(k.files)}
}

// Restored is what subtask index of parallelism takes up of the snapshots of
// all subtasks of an operator, in their order. Each had the key groups that
// belong to its place.
type Restored struct {
	// Index and Parallelism are those of the subtask that is restored.
	Index, Parallelism int
	// From are the snapshots.
	From []*Kept
	// Unclaimed is what AllowUnclaimed returns.
	Unclaimed bool
}

// Owns implements state.Restoration.
func (r Restored) Owns(hash uint64) bool {
	return event.SubtaskOf(event.KeyGroup(hash), r.Parallelism) == r.Index
}

// Whole implements state.Restoration.
func (r Restored) Whole() bool { return len(r.From) == r.Parallelism }

// AllowUnclaimed implements state.Restoration.
func (r Restored) AllowUnclaimed() bool { return r.Unclaimed }

// relevant tells whether a subtask of the snapshot had keys of this one.
func (r Restored) relevant(subtask int) bool {
	from, to := event.GroupRange(r.Index, r.Parallelism)
	low, high := event.GroupRange(subtask, len(r.From))
	return max(from, low) < min(to, high)
}

// Blobs implements state.Restoration.
func (r Restored) Blobs(name string, f func(subtask int, data []byte) error) error {
	return r.each(r.relevant, func(k *Kept) []Piece { return k.blobs }, name, func(subtask int, p Piece) error {
		return f(subtask, bytes.Clone(p.Data))
	})
}

// Everyone implements state.Restoration.
func (r Restored) Everyone(name string, f func(subtask int, data []byte) error) error {
	return r.each(func(int) bool { return true }, func(k *Kept) []Piece { return k.blobs }, name, func(subtask int, p Piece) error {
		return f(subtask, bytes.Clone(p.Data))
	})
}

// Keyed implements state.Restoration.
func (r Restored) Keyed(name string, f func(r io.Reader) error) error {
	return r.each(r.relevant, func(k *Kept) []Piece { return k.keyed }, name, func(_ int, p Piece) error {
		return whole(p, func(in io.Reader) error { return f(in) })
	})
}

// Files implements state.Restoration.
func (r Restored) Files(name string, f func(subtask int, id string, r io.Reader) error) error {
	return r.each(r.relevant, func(k *Kept) []Piece { return k.files }, name, func(subtask int, p Piece) error {
		return whole(p, func(in io.Reader) error { return f(subtask, p.ID, in) })
	})
}

func (r Restored) each(of func(subtask int) bool, list func(*Kept) []Piece, name string, f func(subtask int, p Piece) error) error {
	for i, k := range r.From {
		if !of(i) {
			continue
		}
		for _, p := range list(k) {
			if p.Name != name {
				continue
			}
			if err := f(i, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole checks that a piece was read up to its end, as the contract asks.
func whole(p Piece, f func(io.Reader) error) error {
	in := &ending{data: p.Data}
	if err := f(in); err != nil {
		return err
	}
	if !in.ended {
		return fmt.Errorf("the piece %q was not read up to io.EOF: damage would stay unseen", p.Name)
	}
	return nil
}

// ending is a reader that knows whether its end was seen.
type ending struct {
	data  []byte
	ended bool
}

func (e *ending) Read(p []byte) (int, error) {
	if len(e.data) == 0 {
		e.ended = true
		return 0, io.EOF
	}
	n := copy(p, e.data)
	e.data = e.data[n:]
	return n, nil
}

var (
	_ state.Snapshot    = (*Kept)(nil)
	_ state.Restoration = Restored{}
)
