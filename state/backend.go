package state

// Backend decides which keys of one subtask are in a Store, and where the
// others are. It belongs to one task and is not safe for concurrent use.
// Results do not depend on the backend: what states mean is up to the Store.
//
// A chunk of records is handled in this order: Select, then for each record
// Store.Use with its slot and the user's function, then Settle with the same
// slices.
type Backend[K comparable] interface {
	// Store is where the selected keys are.
	Store() *Store
	// Select brings keys into the store and sets slots[i] to the slot of
	// keys[i]; equal keys have the same one. Hashes are those that records
	// carry, never 0. Slots are valid until Settle, those of keys that are
	// pinned until they are not. The slices have the same length.
	Select(keys []K, hashes []uint64, slots []uint32) error
	// Settle ends the use of selected keys: those that have no state and are
	// not pinned are forgotten. It also removes some expired states, a bounded
	// amount of work.
	Settle(keys []K, hashes []uint64, slots []uint32) error
	// Recall brings back a pinned key by its slot and hash, to be used until
	// Settle. The key is the caller's to keep.
	Recall(slot uint32, hash uint64) (K, error)
	// Len is the number of keys that have state or are pinned. Expired ones
	// count until they are removed.
	Len() int
	// Bytes is the memory that the backend holds, that of its store included.
	Bytes() int64
	// Close releases everything.
	Close() error
}
