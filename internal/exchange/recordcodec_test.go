package exchange

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/affluxdev/afflux/event"
)

type trip struct {
	From, To string
	fare     float64
	Stops    []int32
}

func TestRecordCodec(t *testing.T) {
	c, err := NewRecordCodec(event.TypeOf[trip]())
	if err != nil {
		t.Fatal(err)
	}
	batch := func(from, n int, keyed bool) *event.Records[trip] {
		b := event.NewRecords[trip](n)
		for i := from; i < from+n; i++ {
			b.Append(trip{From: "a", To: string(make([]byte, i)), fare: float64(i), Stops: []int32{int32(i)}}, event.Time(i))
			if keyed {
				b.Hashes = append(b.Hashes, uint64(i)<<50)
			}
		}
		return b
	}
	piece := c.AppendHeader(nil)
	in := []*event.Records[trip]{batch(0, 3, true), batch(3, 40, true), batch(50, 2, false)}
	for _, b := range in {
		if piece, err = c.Append(piece, b); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	if err := c.Read(bytes.NewReader(piece), func(b event.Batch) error {
		got, want := b.(*event.Records[trip]), in[i]
		i++
		if !reflect.DeepEqual(got.Values, want.Values) || !reflect.DeepEqual(got.Times, want.Times) || len(got.Hashes) != len(want.Hashes) {
			t.Errorf("batch %d is %v, want %v", i, got, want)
		}
		for k, h := range want.Hashes {
			if got.Hashes[k] != h {
				t.Errorf("hash %d is %x", k, got.Hashes[k])
			}
		}
		return nil
	}); err != nil || i != len(in) {
		t.Fatalf("%d batches, %v", i, err)
	}
	// Every truncation but those between two batches is noticed.
	whole := 0
	for n := range piece {
		if err := c.Read(bytes.NewReader(piece[:n]), func(event.Batch) error { return nil }); err == nil {
			whole++
		}
	}
	if whole > len(in)+1 {
		t.Errorf("%d truncated pieces were taken for whole ones", whole)
	}
	if _, err := NewRecordCodec(event.TypeOf[func()]()); err == nil {
		t.Error("functions cannot be stored")
	}
}

func FuzzReadRecords(f *testing.F) {
	c, err := NewRecordCodec(event.TypeOf[trip]())
	if err != nil {
		f.Fatal(err)
	}
	b := event.NewRecords[trip](1)
	b.Append(trip{From: "x"}, 7)
	piece, _ := c.Append(c.AppendHeader(nil), b)
	f.Add(piece)
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = c.Read(bytes.NewReader(data), func(event.Batch) error { return nil }) // must return
	})
}
