package event

import "unsafe"

// Scatter spreads the records of batches over n open batches, one for each
// destination. It belongs to one task and is not safe for concurrent use.
type Scatter interface {
	// Put copies records of src from index from on to the open batches that
	// sel names (sel[i] is the destination of record i), and stops when an
	// open batch reaches its limit. It returns the index of the first record
	// not copied, and the destination that is full or -1 when all were
	// copied.
	Put(src Batch, sel []int32, from int) (next int, full int)
	// PutAll copies records to every open batch and stops like Put, before a
	// record that does not fit everywhere.
	PutAll(src Batch, from int) (next int, full int)
	// Len is the number of records in the open batch of destination d.
	Len(d int) int
	// Bytes is the memory taken by the open batch of destination d.
	Bytes(d int) int64
	// Limit sets how many bytes the open batch of destination d may take: it
	// is full with the record that reaches them.
	Limit(d int, bytes int64)
	// Take exchanges the open batch of destination d with the contents of b,
	// a batch of the same type that becomes the new open batch when emptied.
	Take(d int, b Batch)
}

type scatter[T any] struct {
	typ   *typeOf[T]
	dests []dest[T]
}

// dest is an open batch with its columns as slices of full length, so that
// Put writes by index and has one cursor to move.
type dest[T any] struct {
	values []T
	times  []Time
	hashes []uint64
	n      int
	max    int   // records
	bytes  int64 // payload bytes, variable types only
	limit  int64 // bytes
}

func (t *typeOf[T]) NewScatter(n int) Scatter {
	s := &scatter[T]{typ: t, dests: make([]dest[T], n)}
	for d := range s.dests {
		s.Limit(d, 32<<10)
	}
	return s
}

// each is the fixed bytes of a record on this edge. The hash column is counted always:
// a scatter serves keyed edges first of all.
func (s *scatter[T]) each() int64 { return int64(s.typ.size) + 8 }

func (s *scatter[T]) Limit(d int, bytes int64) {
	o := &s.dests[d]
	if bytes == o.limit {
		return
	}
	o.limit = bytes
	o.max = max(int(bytes/s.each()), 1, o.n)
	o.resize()
}

func (o *dest[T]) resize() {
	if len(o.values) < o.max {
		v, t, h := make([]T, o.max), make([]Time, o.max), make([]uint64, o.max)
		copy(v, o.values[:o.n])
		copy(t, o.times[:o.n])
		copy(h, o.hashes[:o.n])
		o.values, o.times, o.hashes = v, t, h
	}
}

func (s *scatter[T]) Len(d int) int { return s.dests[d].n }

func (s *scatter[T]) Bytes(d int) int64 {
	o := &s.dests[d]
	return int64(o.n)*s.each() + o.bytes
}

func (s *scatter[T]) Put(src Batch, sel []int32, from int) (int, int) {
	r := src.(*Records[T])
	values, times := r.Values, r.Times[:len(r.Values)]
	sel = sel[:len(values)]
	if s.typ.payload != nil {
		return s.putVariable(r, sel, from)
	}
	dests := s.dests
	if len(r.Hashes) == len(values) {
		hashes := r.Hashes[:len(values)]
		// resize and Take see to it that each column of an open batch has at
		// least max elements, and n < max: bounds need no check here, which
		// saves a sixth of the time.
		size, word := unsafe.Sizeof(values[0]), unsafe.Sizeof(hashes[0])
		for i := from; i < len(values); i++ {
			o := &dests[sel[i]]
			n := o.n
			*(*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(o.values)), uintptr(n)*size)) = values[i]
			*(*Time)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(o.times)), uintptr(n)*word)) = times[i]
			*(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(o.hashes)), uintptr(n)*word)) = hashes[i]
			n++
			o.n = n
			if n >= o.max {
				return i + 1, int(sel[i])
			}
		}
		return len(values), -1
	}
	for i := from; i < len(values); i++ {
		o := &dests[sel[i]]
		n := o.n
		o.values[n] = values[i]
		o.times[n] = times[i]
		n++
		o.n = n
		if n >= o.max {
			return i + 1, int(sel[i])
		}
	}
	return len(values), -1
}

func (s *scatter[T]) putVariable(r *Records[T], sel []int32, from int) (int, int) {
	each := s.each()
	for i := from; i < len(r.Values); i++ {
		o := &s.dests[sel[i]]
		s.put(o, r, i)
		if o.n >= o.max || int64(o.n)*each+o.bytes >= o.limit {
			return i + 1, int(sel[i])
		}
	}
	return len(r.Values), -1
}

func (s *scatter[T]) put(o *dest[T], r *Records[T], i int) {
	o.values[o.n] = r.Values[i]
	o.times[o.n] = r.Times[i]
	if len(r.Hashes) > 0 {
		o.hashes[o.n] = r.Hashes[i]
	}
	if s.typ.payload != nil {
		o.bytes += int64(s.typ.payload(&r.Values[i]))
	}
	o.n++
}

func (s *scatter[T]) PutAll(src Batch, from int) (int, int) {
	r := src.(*Records[T])
	each := s.each()
	full := func(o *dest[T]) bool { return o.n >= o.max || int64(o.n)*each+o.bytes >= o.limit }
	for i := from; i < len(r.Values); i++ {
		for d := range s.dests {
			if full(&s.dests[d]) {
				return i, d
			}
		}
		for d := range s.dests {
			s.put(&s.dests[d], r, i)
		}
	}
	return len(r.Values), -1
}

func (s *scatter[T]) Take(d int, b Batch) {
	o, r := &s.dests[d], b.(*Records[T])
	values, times, hashes := o.values[:o.n], o.times[:o.n], o.hashes[:o.n]
	o.values, o.times = r.Values[:cap(r.Values)], r.Times[:cap(r.Times)]
	o.hashes = r.Hashes[:cap(r.Hashes)]
	r.Values, r.Times, r.Hashes = values, times, hashes
	o.n, o.bytes = 0, 0
	o.max = max(int(o.limit/s.each()), 1)
	if n := min(len(o.values), len(o.times), len(o.hashes)); n < o.max {
		o.values, o.times, o.hashes = o.values[:n], o.times[:n], o.hashes[:n]
		o.resize()
	}
}
