package kafka

import "github.com/twmb/franz-go/pkg/kgo"

const (
	slabBytes   = 32 << 10
	slabRecords = 64
)

// slab cuts many small allocations out of few. A piece is the client's until
// the record is acknowledged; the collector frees a slab when all of its
// pieces are.
type slab struct {
	bytes   []byte
	records []kgo.Record
}

// copy returns a copy of b; it is not nil.
func (s *slab) copy(b []byte) []byte {
	if len(b) > slabBytes/4 {
		return append(make([]byte, 0, len(b)), b...)
	}
	if cap(s.bytes)-len(s.bytes) < len(b) || s.bytes == nil {
		s.bytes = make([]byte, 0, slabBytes)
	}
	from := len(s.bytes)
	s.bytes = append(s.bytes, b...)
	return s.bytes[from:len(s.bytes):len(s.bytes)]
}

// record returns an empty record.
func (s *slab) record() *kgo.Record {
	if len(s.records) == 0 {
		s.records = make([]kgo.Record, slabRecords)
	}
	r := &s.records[0]
	s.records = s.records[1:]
	return r
}
