package follow

import "github.com/affluxdev/afflux/event"

// Record is what flows: 24 bytes, 32 with its event time.
type Record struct {
	Key       uint64
	Val, Time int64
}

// BufferBytes is the size of each of the two buffers.
const BufferBytes = 4096

const perBuffer = BufferBytes / 32

func fill(values []Record, times []event.Time, first int64) {
	times = times[:len(values)]
	for j := range values {
		i := first + int64(j)
		values[j] = at(i)
		times[j] = event.Time(i)
	}
}

func at(i int64) Record {
	x := uint64(i) * 0x9E3779B97F4A7C15
	return Record{Key: x ^ x>>32, Val: i, Time: i}
}

func fold(values []Record) (s uint64) {
	for i := range values {
		r := &values[i]
		s += uint64(r.Val) ^ r.Key
	}
	return s
}

// loop generates and consumes n records without an engine.
func loop(n int64) (s uint64) {
	for i := range n {
		r := at(i)
		s += uint64(r.Val) ^ r.Key
	}
	return s
}

// buffer does the same through one buffer, which it fills and reads.
func buffer(n int64) (s uint64) {
	values, times := make([]Record, perBuffer), make([]event.Time, perBuffer)
	for i := int64(0); i < n; i += perBuffer {
		fill(values, times, i)
		s += fold(values)
	}
	return s
}
