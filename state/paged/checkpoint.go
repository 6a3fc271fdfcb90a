package paged

import (
	"errors"
	"iter"

	"github.com/affluxdev/afflux/state"
)

var errUnsupported = errors.New("state on disk takes no part in checkpoints")

// Snapshot implements state.Tables.
func (p typedTables[K, S]) Snapshot(state.Snapshot, iter.Seq2[string, state.Table[K, S]]) error {
	return errUnsupported
}

// Restore implements state.Tables.
func (p typedTables[K, S]) Restore(state.Restoration, func(string, state.Table[K, S]) error) error {
	return errUnsupported
}

// Snapshot implements state.Backend.
func (b *backend[K]) Snapshot(state.Snapshot) error { return errUnsupported }

// Restore implements state.Backend.
func (b *backend[K]) Restore(state.Restoration) error { return errUnsupported }
