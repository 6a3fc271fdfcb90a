package state

import "iter"

// Table maps keys to states of type S. It is used by batch, so that the cache
// misses of many keys overlap, and addressed by the hashes that records carry
// (event.HasherOf; never 0, and equal for equal keys).
//
// A table belongs to one task and is not safe for concurrent use. Pointers to
// states are valid until the next Lookup, Delete or Clear, those of Get and Scan
// also until the next Get or Scan. Keys are copied into the table when they are
// first seen: what they point to may be reused.
//
// No method returns an error. A table whose states are on a disk that fails
// does not return: it calls what its Tables were made with for that.
type Table[K comparable, S any] interface {
	// Lookup sets out[i] to the state of keys[i] and adds the keys that are
	// absent, with the zero state. A key that occurs twice gets the same
	// pointer. The three slices have the same length.
	Lookup(keys []K, hashes []uint64, out []*S)
	// Get returns the state of a key, nil if it is absent.
	Get(key *K, hash uint64) *S
	// Delete removes a key and tells whether it was present.
	Delete(key *K, hash uint64) bool
	// Len is the number of keys.
	Len() int
	// Bytes is the memory that the table holds, free room and copied keys
	// included. Memory that a state points to is not.
	Bytes() int64
	// Range calls f for the entries from cursor on, in no particular order,
	// until it returns false. A walk begins with cursor 0 and goes on with
	// the returned one, -1 when the last entry was visited; it visits each
	// entry once if no key is added or removed between its calls. A walk that
	// begins ends the one before. f may change *s but not the table. The key is
	// f's to keep.
	Range(cursor int, f func(hash uint64, key K, s *S) bool) (next int)
	// Scan is Range by batch, to merge one table into another: it fills the
	// slices, all of the same length, with the next n entries. The keys are
	// valid as long as the pointers to the states. The states are for reading: a
	// table that was only scanned counts as unchanged, and the next checkpoint
	// may keep it as the last one did.
	Scan(cursor int, keys []K, hashes []uint64, states []*S) (n, next int)
	// Expect says that the table will probably hold about n keys: it then grows
	// to that size at once, instead of by and by, when it has a fraction of
	// them. A wrong guess costs at most some memory.
	Expect(n int)
	// Clear removes all keys. It keeps room for about as many as it removed. A
	// table that is not needed any more is to be cleared: others have its room.
	Clear()
}

// Tables makes the tables of one subtask of an operator, which share what they
// may hold in memory and where the rest is. It belongs to one task like they do.
type Tables[K comparable, S any] interface {
	// New returns an empty table.
	New() Table[K, S]
	// Scratch returns an empty table for what is derived from the others, which is
	// never in a snapshot, or nil where a table takes more work than deriving that
	// again, as on a disk.
	Scratch() Table[K, S]
	// Snapshot hands over the tables under names, which are different and by
	// which Restore knows them. It is called once for a snapshot, and takes about
	// as long for a table of many keys as for one of few: the tables may go on to
	// be used at once, in every way. Pointers to states are not valid any more.
	Snapshot(s Snapshot, tables iter.Seq2[string, Table[K, S]]) error
	// Restore calls f for each name with a new table of the keys that belong to
	// the subtask, in the order of the names; tables without such keys are left
	// out. The tables are f's. The tables of one subtask are restored before any
	// is used. After an error those that exist are good for nothing but Close.
	Restore(r Restoration, f func(name string, t Table[K, S]) error) error
	// Bytes is the memory that is held beside the tables.
	Bytes() int64
	// Close releases everything. The tables must not be used any more.
	Close() error
}
