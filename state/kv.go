package state

// KV is a store of bytes under keys, the states of one subtask that are not in
// memory. It belongs to one task and is not safe for concurrent use.
type KV interface {
	// Get appends the value of a key to dst. ok is false when there is none.
	Get(key, dst []byte) (value []byte, ok bool, err error)
	// Set replaces the value of a key. Both slices are the caller's again.
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

// Disk opens a KV for each subtask of an operator with state.
type Disk interface {
	// Open returns an empty KV.
	Open(operator string, subtask int) (KV, error)
	// Resident is how many bytes of states and keys a subtask may keep in
	// memory beside its KV.
	Resident() int64
}
