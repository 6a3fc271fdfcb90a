package state

import (
	"io"

	"github.com/affluxdev/afflux/codec/layout"
)

// ErrUnstorable is what errors of Snapshot are when keys or states have a type
// that cannot be stored, as [errors.Is] tells: to try again does not help.
var ErrUnstorable = layout.ErrUnstorable

// Snapshot takes the state of one subtask of an operator for a checkpoint. It
// is handed to the operator between two batches and valid for that call, but
// for the captures that it was given.
type Snapshot interface {
	// Savepoint tells that the state must stand by itself: it may not refer to
	// files of earlier checkpoints, and must be readable by later versions.
	Savepoint() bool
	// Blob keeps a small piece of state under a name. The data is the caller's
	// again after the call.
	Blob(name string, data []byte)
	// Keyed keeps what a capture writes as the keyed state of that name.
	Keyed(name string, c Capture)
	// File keeps a file that never changes, under a name. Its id stands for its
	// contents: where a complete checkpoint of the same attempt has a file with
	// that name and id, it is referred to and open is not called. Otherwise open
	// is called once, by another goroutine than the task's.
	File(name, id string, open func() (io.ReadCloser, error))
	// Unchanging keeps what a capture writes, like Keyed, in a file of its own. It
	// is one of those of File, and its id stands for what the capture writes: where
	// the last complete checkpoint of the same attempt has a file with that name
	// and id, it is referred to and the capture is only released. A savepoint
	// always writes it. Files are written in the order of the calls: what changes
	// soonest should come first.
	Unchanging(name, id string, c Capture)
	// Release has f called once by another goroutine, when everything that was
	// handed over has been stored or given up.
	Release(f func())
}

// Capture is state as it was at one moment, written while the task goes on.
type Capture interface {
	// Write writes what was captured. It is called at most once, by another
	// goroutine than the task's, and may go on while the task changes the state.
	Write(w io.Writer) error
	// Release says that the capture is not needed any more. It is called once,
	// after Write or instead of it, by any goroutine.
	Release()
}

// Restoration is what checkpoints kept of an operator, as far as one subtask
// needs it. Where the parallelism has changed, that is what several subtasks
// kept, of which only the keys of some groups are this subtask's.
type Restoration interface {
	// Owns tells whether the key with this hash belongs to the subtask.
	Owns(hash uint64) bool
	// Whole tells that exactly one subtask kept this, and that all of its keys
	// belong to the subtask that is restored.
	Whole() bool
	// AllowUnclaimed tells whether state that nobody takes up any more is to be
	// dropped; otherwise it is an error, since it would be lost.
	AllowUnclaimed() bool
	// Blobs calls f with each piece of that name: of those subtasks that had keys
	// of this one if it is restored by key, see Everyone for others. The data is
	// f's to keep.
	Blobs(name string, f func(subtask int, data []byte) error) error
	// Everyone is Blobs of all subtasks of the operator, in order. Operators
	// without keys divide by it what may be divided: what subtask i kept goes to
	// subtask i modulo the parallelism.
	Everyone(name string, f func(subtask int, data []byte) error) error
	// Keyed calls f for each piece of the keyed state of that name that may have
	// keys of the subtask. What is read is known to be undamaged only when the
	// reader has returned io.EOF: f must read up to there.
	Keyed(name string, f func(r io.Reader) error) error
	// Files calls f for each file that was kept under a name, by any subtask that
	// had keys of this one, in the order of subtasks and of File and Unchanging
	// calls. f must read up to io.EOF.
	Files(name string, f func(subtask int, id string, r io.Reader) error) error
}
