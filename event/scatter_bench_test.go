package event

import "testing"

// BenchmarkScatterPut spreads batches of 512 records of 24 bytes with hashes
// over two destinations; a record is an operation.
func BenchmarkScatterPut(b *testing.B) {
	type small struct {
		Key      uint64
		Val, Seq int64
	}
	src := NewRecords[small](512)
	for i := range 512 {
		src.Append(small{Key: uint64(i)}, Time(i))
	}
	var index [2][]int32
	for i, hashes := 0, src.KeyHashes(); i < len(hashes); i++ {
		hashes[i] = HashUint64(uint64(i))
		d := hashes[i] >> 63
		index[d] = append(index[d], int32(i))
	}
	s := TypeOf[small]().NewScatter(2)
	spare := NewRecords[small](1024)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 512 {
		for d, left := range index {
			for len(left) > 0 {
				m, full := s.Put(src, d, left)
				if left = left[m:]; full {
					s.Take(d, spare)
					spare.Reset()
				}
			}
		}
	}
}
