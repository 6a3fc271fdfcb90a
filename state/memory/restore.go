package memory

import (
	"errors"

	"github.com/affluxdev/afflux/state"
)

var errUnsupported = errors.New("this backend takes no part in checkpoints")

// Snapshot implements state.Backend.
func (b *backend[K]) Snapshot(state.Snapshot) error { return errUnsupported }

// Restore implements state.Backend.
func (b *backend[K]) Restore(state.Restoration) error { return errUnsupported }
