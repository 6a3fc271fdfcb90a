package simtest

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/affluxdev/afflux/event"
)

// Flat is a record of fixed size.
type Flat struct {
	ID   uint64
	Key  uint32
	Size int32 // length of the body of a Wide record
}

// Wide is a record of variable size.
type Wide struct {
	Flat
	Body string
}

// record is a pointer to one of the two.
type record[R any] interface {
	*R
	flat() *Flat
	set(Flat)
	sound() error
}

// letters are the bodies of all records.
var letters = strings.Repeat("abcdefgh", 1<<12)

func (f *Flat) flat() *Flat { return f }
func (f *Flat) set(v Flat)  { *f = v; f.Size = 0 }
func (f *Flat) sound() error {
	if f.Size != 0 {
		return fmt.Errorf("record %x of fixed size has a body of %d bytes", f.ID, f.Size)
	}
	return nil
}

func (w *Wide) set(v Flat) { w.Flat, w.Body = v, letters[:v.Size] }
func (w *Wide) sound() error {
	if w.Body != letters[:w.Size] {
		return fmt.Errorf("the body of record %x has %d bytes, not %d", w.ID, len(w.Body), w.Size)
	}
	return nil
}

// elem is a record of the model.
type elem struct {
	Flat
	time event.Time
}

// mix is a hash of numbers: what the functions of the simulated user compute.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		hi, lo := bits.Mul64(h^p, 0xd6e8feb86659fd93)
		h = hi ^ lo ^ bits.RotateLeft64(p, 29)
	}
	return h
}

// difference compares two multisets and describes some of what differs.
func difference(got, want []elem, timed bool) string {
	count := map[elem]int{}
	add := func(list []elem, n int) {
		for _, e := range list {
			if !timed {
				e.time = 0
			}
			count[e] += n
		}
	}
	add(want, 1)
	add(got, -1)
	lost, extra := 0, 0
	var example elem
	for e, n := range count {
		switch {
		case n > 0:
			lost += n
			example = e
		case n < 0:
			extra -= n
			example = e
		}
	}
	if lost+extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d records are missing and %d too many, of %d, like %+v", lost, extra, len(want), example)
}
