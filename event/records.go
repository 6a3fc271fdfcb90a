package event

import "slices"

// Records is a batch of typed records in columns: the values and, side by
// side, their event times.
//
// A batch has one owner at a time. Handing it to an Output passes its
// contents on; the owner keeps the emptied container and fills it again, so
// that nothing is allocated per batch once a job is warm.
type Records[T any] struct {
	// Values are the records. Functions of the user get pointers into this
	// slice, valid for the call only.
	Values []T
	// Times are the event times; always as many as Values.
	Times []Time
	// Hashes are the key hashes, filled by a keyed exchange and carried to
	// the state tables: as many as Values, or none on an edge without key.
	Hashes []uint64

	typ *typeOf[T] // looked up once per container
}

func (r *Records[T]) described() *typeOf[T] {
	if r.typ == nil {
		r.typ = TypeOf[T]().(*typeOf[T])
	}
	return r.typ
}

// NewRecords returns an empty batch with room for capacity records.
func NewRecords[T any](capacity int) *Records[T] {
	return &Records[T]{Values: make([]T, 0, capacity), Times: make([]Time, 0, capacity)}
}

// Append adds one record.
func (r *Records[T]) Append(v T, t Time) {
	r.Values = append(r.Values, v)
	r.Times = append(r.Times, t)
}

// Next adds a record with event time t and returns where to write its value.
// The slot may hold an old value: the caller overwrites every field. The
// pointer is valid until the next change of the batch.
func (r *Records[T]) Next(t Time) *T {
	n := len(r.Values)
	if n < cap(r.Values) {
		r.Values = r.Values[:n+1]
	} else {
		var zero T
		r.Values = append(r.Values, zero)
	}
	r.Times = append(r.Times, t)
	return &r.Values[n]
}

// NextAll adds n records with event time t and returns their values, to be
// overwritten like that of Next.
func (r *Records[T]) NextAll(n int, t Time) []T {
	from := len(r.Values)
	r.Values = slices.Grow(r.Values, n)[:from+n]
	r.Times = slices.Grow(r.Times, n)[:from+n]
	times := r.Times[from:]
	for i := range times {
		times[i] = t
	}
	return r.Values[from:]
}

// Truncate keeps the first n records.
func (r *Records[T]) Truncate(n int) {
	r.Values, r.Times = r.Values[:n], r.Times[:n]
	if len(r.Hashes) > n {
		r.Hashes = r.Hashes[:n]
	}
}

// Len is the number of records.
func (r *Records[T]) Len() int { return len(r.Values) }

// Cap is the number of records the batch holds before it allocates.
func (r *Records[T]) Cap() int { return cap(r.Values) }

// Reset empties the batch and drops what its records point to, so that an
// idle free list pins no memory of the user.
func (r *Records[T]) Reset() {
	if r.described().pointers {
		clear(r.Values)
	}
	r.Values, r.Times, r.Hashes = r.Values[:0], r.Times[:0], r.Hashes[:0]
}

// Type describes T.
func (r *Records[T]) Type() Type { return r.described() }

// Bytes is the memory that the records take: their fixed size, their event
// times and hashes, and what strings, slices and maps in them point to.
func (r *Records[T]) Bytes() int64 { return r.bytesOf(0, len(r.Values)) }

func (r *Records[T]) bytesOf(from, to int) int64 {
	t := r.described()
	n := int64(to-from) * int64(t.size)
	if len(r.Hashes) > 0 {
		n += int64(to-from) * 8
	}
	if t.payload != nil {
		for i := from; i < to; i++ {
			n += int64(t.payload(&r.Values[i]))
		}
	}
	return n
}

// Fit returns how many records from index from on take at most limit bytes,
// and the bytes they take. At least one record is returned when there is one,
// whatever its size: who calls decides what to do with a record that is too
// large.
func (r *Records[T]) Fit(from int, limit int64) (n int, bytes int64) {
	t := r.described()
	each := int64(t.size)
	if len(r.Hashes) > 0 {
		each += 8
	}
	rest := len(r.Values) - from
	if t.payload == nil {
		n = min(rest, int(max(limit/each, 1)))
		return n, int64(n) * each
	}
	for n < rest {
		b := each + int64(t.payload(&r.Values[from+n]))
		if n > 0 && bytes+b > limit {
			break
		}
		n++
		bytes += b
	}
	return n, bytes
}

// Swap exchanges the contents of two batches of the same type.
func (r *Records[T]) Swap(other Batch) {
	o := other.(*Records[T])
	*r, *o = *o, *r
}

// AppendRange copies records [from,to) of src, a batch of the same type. Key
// hashes are kept only when both batches have them for all of their records.
func (r *Records[T]) AppendRange(src Batch, from, to int) {
	s := src.(*Records[T])
	if len(s.Hashes) == len(s.Values) && len(r.Hashes) == len(r.Values) {
		r.Hashes = append(r.Hashes, s.Hashes[from:to]...)
	} else {
		r.Hashes = r.Hashes[:0]
	}
	r.Values = append(r.Values, s.Values[from:to]...)
	r.Times = append(r.Times, s.Times[from:to]...)
}

// Grow makes room for n records in all, without changing the contents.
func (r *Records[T]) Grow(n int) {
	if cap(r.Values) < n {
		v := make([]T, len(r.Values), n)
		copy(v, r.Values)
		r.Values = v
	}
	if cap(r.Times) < n {
		t := make([]Time, len(r.Times), n)
		copy(t, r.Times)
		r.Times = t
	}
}
