package state

// KV is a store of bytes under keys, the states of one subtask that are not in
// memory. It belongs to one task and is not safe for concurrent use.
type KV interface {
	// Get appends the value of a key to dst. ok is false when there is none.
	Get(key, dst []byte) (value []byte, ok bool, err error)
	// Set replaces the value of a key. Both slices are the caller's again. What
	// fails later may be reported by any other method.
	Set(key, value []byte) error
	// Delete removes a key, which need not be there.
	Delete(key []byte) error
	// DeleteRange removes the keys from one on up to another, which is not
	// removed. It costs about as much as removing one.
	DeleteRange(from, to []byte) error
	// Scan calls f for the first n keys after one, in order of their bytes. The
	// slices are valid for the call of f, which must not change the store.
	Scan(after []byte, n int, f func(key, value []byte)) error
	// Bytes is the memory that it may hold.
	Bytes() int64
	// Close releases everything and removes what was stored.
	Close() error
}

// SortedKV is a KV that finds many keys together faster than one by one.
type SortedKV interface {
	KV
	// GetSorted looks keys up, which are in ascending order of their bytes and
	// all different, and calls f in that order with the index and the value of
	// each that is there. A value is valid for the call of f, which must not
	// use the store; an error of f ends the calls and is returned.
	GetSorted(keys [][]byte, f func(i int, value []byte) error) error
}

// Disk opens a KV for each subtask of an operator with state.
type Disk interface {
	// Open returns an empty KV.
	Open(operator string, subtask int) (KV, error)
	// Resident is how many bytes of states and keys a subtask may keep in
	// memory beside its KV.
	Resident() int64
}
