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
	// Snapshot hands over the states of all keys, and the broadcast states; pins
	// are not kept. It is called when no key is selected, and takes about as long
	// for many keys as for few, the broadcast states aside: the backend may go on
	// to be used at once.
	Snapshot(s Snapshot) error
	// Restore takes up what was handed over, as far as it belongs to the subtask.
	// It is called once, after the store was sealed and before the first Select.
	// States are matched by their names. One that is not in the snapshot is empty;
	// one that is in it alone is an error unless the restoration allows it.
	Restore(r Restoration) error
	// Len is the number of keys that have state or are pinned. Expired ones
	// count until they are removed.
	Len() int
	// Bytes is the memory that the backend holds, that of its store included.
	Bytes() int64
	// Close releases everything.
	Close() error
}
