package memory

import (
	"errors"
	"iter"

	"github.com/affluxdev/afflux/state"
)

// tables makes tables that have nothing in common.
type tables[K comparable, S any] struct{}

// NewTables returns tables in memory, see NewTable.
func NewTables[K comparable, S any]() state.Tables[K, S] { return &tables[K, S]{} }

// New implements state.Tables.
func (*tables[K, S]) New() state.Table[K, S] { return NewTable[K, S]() }

// Bytes implements state.Tables.
func (*tables[K, S]) Bytes() int64 { return 0 }

// Close implements state.Tables.
func (*tables[K, S]) Close() error { return nil }

var errUnsupported = errors.New("tables in memory take no part in checkpoints")

// Snapshot implements state.Tables.
func (*tables[K, S]) Snapshot(state.Snapshot, iter.Seq2[string, state.Table[K, S]]) error {
	return errUnsupported
}

// Restore implements state.Tables.
func (*tables[K, S]) Restore(state.Restoration, func(string, state.Table[K, S]) error) error {
	return errUnsupported
}
