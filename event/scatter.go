package event

// Scatter spreads the records of batches over n open batches, one for each
// destination. It belongs to one task and is not safe for concurrent use.
type Scatter interface {
	// Put copies the records of src at an ascending list of indexes to the open
	// batch of destination d, and stops when that has reached its limit. It
	// returns how many were copied, and whether the open batch is full.
	Put(src Batch, d int, index []int32) (n int, full bool)
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

// dest is an open batch with its columns as slices of full length.
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

func (s *scatter[T]) Put(src Batch, d int, index []int32) (int, bool) {
	r, o := src.(*Records[T]), &s.dests[d]
	if s.typ.payload != nil {
		return s.putVariable(o, r, index)
	}
	// Column after column, at places known beforehand: one cursor moved by each
	// record would make every copy wait for the one before.
	n := min(len(index), o.max-o.n)
	index = index[:n]
	gather(o.values[o.n:], r.Values, index)
	gather(o.times[o.n:], r.Times, index)
	if len(r.Hashes) > 0 {
		gather(o.hashes[o.n:], r.Hashes, index)
	}
	o.n += n
	return n, o.n >= o.max
}

// gather copies the elements of from at the indexes.
func gather[E any](to, from []E, index []int32) {
	to = to[:len(index)]
	for k, i := range index {
		to[k] = from[i]
	}
}

func (s *scatter[T]) putVariable(o *dest[T], r *Records[T], index []int32) (int, bool) {
	each := s.each()
	for n, i := range index {
		s.put(o, r, int(i))
		if o.n >= o.max || int64(o.n)*each+o.bytes >= o.limit {
			return n + 1, true
		}
	}
	return len(index), false
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
