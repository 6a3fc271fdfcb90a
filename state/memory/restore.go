package memory

import "github.com/affluxdev/afflux/state"

// Snapshot implements state.Backend.
func (b *backend[K]) Snapshot(state.Snapshot) error { return errUnsupported }

// Restore implements state.Backend.
func (b *backend[K]) Restore(state.Restoration) error { return errUnsupported }
