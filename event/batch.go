package event

import "unsafe"

// Batch is a *Records[T] whose T is forgotten: what the runtime between two
// typed operators sees. Types are erased per batch, never per record.
//
// Only Records implements it; methods that take a second batch panic when its
// type differs, which the typed API rules out.
type Batch interface {
	// Len is the number of records.
	Len() int
	// Cap is the number of records the batch holds before it allocates.
	Cap() int
	// Bytes is the memory that the records take.
	Bytes() int64
	// Fit tells how many records from an index on fit a limit in bytes.
	Fit(from int, limit int64) (n int, bytes int64)
	// Reset empties the batch and forgets what its records pointed to.
	Reset()
	// Truncate keeps the first n records.
	Truncate(n int)
	// Grow makes room for n records in all.
	Grow(n int)
	// Swap exchanges the contents with another batch of the same type.
	Swap(Batch)
	// AppendRange copies records [from,to) of another batch of the same type.
	AppendRange(src Batch, from, to int)
	// EventTimes is the column of event times, to read and to overwrite.
	EventTimes() []Time
	// KeyHashes is the column of key hashes resized to Len, to fill.
	KeyHashes() []uint64
	// Keyed tells whether every record has a key hash.
	Keyed() bool
	// Type describes the records.
	Type() Type
	// Base is the address of the first of Len values that lie one after the
	// other, for encoders. It is valid until the batch changes.
	Base() unsafe.Pointer
	// Extend adds n zero records, for decoders to fill.
	Extend(n int)
}

// Base implements Batch.
func (r *Records[T]) Base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(r.Values)) }

// Extend implements Batch.
func (r *Records[T]) Extend(n int) {
	r.Values = append(r.Values, make([]T, n)...)
	r.Times = append(r.Times, make([]Time, n)...)
}

// Keyed implements Batch.
func (r *Records[T]) Keyed() bool { return len(r.Hashes) == len(r.Values) && len(r.Values) > 0 }

// EventTimes implements Batch.
func (r *Records[T]) EventTimes() []Time { return r.Times }

// KeyHashes implements Batch.
func (r *Records[T]) KeyHashes() []uint64 {
	n := len(r.Values)
	if cap(r.Hashes) < n {
		r.Hashes = make([]uint64, max(n, cap(r.Values)))
	}
	r.Hashes = r.Hashes[:n]
	return r.Hashes
}
