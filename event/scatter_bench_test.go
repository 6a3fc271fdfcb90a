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
	sel := make([]int32, 512)
	for i, hashes := 0, src.KeyHashes(); i < len(sel); i++ {
		hashes[i] = HashUint64(uint64(i))
		sel[i] = int32(hashes[i] >> 63)
	}
	s := TypeOf[small]().NewScatter(2)
	spare := NewRecords[small](1024)
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(sel) {
		for from := 0; ; {
			next, full := s.Put(src, sel, from)
			if full < 0 {
				break
			}
			s.Take(full, spare)
			spare.Reset()
			if from = next; from == len(sel) {
				break
			}
		}
	}
}
