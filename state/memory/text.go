package memory

import (
	"encoding/binary"
	"unsafe"
)

// text is how a slot holds a string: the bytes, then zeros, and the length in
// the last byte. A string of more than inline bytes is in an arena: its ref
// comes first, and the last byte is far.
type text [inline + 1]byte

const (
	inline = 23
	far    = 255
)

// words are a text in three registers.
type words [3]uint64

// pack returns the words of a string of at most inline bytes.
func pack(s string) (w words) {
	b, n := unsafe.Slice(unsafe.StringData(s), len(s)), uint(len(s))
	switch { // loads that overlap, so that none goes past the end
	case len(b) >= 16:
		w[0] = binary.LittleEndian.Uint64(b)
		w[1] = binary.LittleEndian.Uint64(b[8:])
		w[2] = binary.LittleEndian.Uint64(b[len(b)-8:]) >> (8 * (24 - n))
	case len(b) >= 8:
		w[0] = binary.LittleEndian.Uint64(b)
		w[1] = binary.LittleEndian.Uint64(b[len(b)-8:]) >> (8 * (16 - n))
	case len(b) >= 4:
		w[0] = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))<<(8*(n-4))
	case len(b) > 0:
		w[0] = uint64(b[0]) | uint64(b[n/2])<<(8*(n/2)) | uint64(b[n-1])<<(8*(n-1))
	}
	w[2] |= uint64(n) << 56
	return w
}

// packRef returns the words of a string in an arena.
func packRef(r ref) words { return words{uint64(r), 0, far << 56} }

func (t *text) set(w words) {
	binary.LittleEndian.PutUint64(t[0:], w[0])
	binary.LittleEndian.PutUint64(t[8:], w[1])
	binary.LittleEndian.PutUint64(t[16:], w[2])
}

func (t *text) equals(w *words) bool {
	a, b, c := binary.LittleEndian.Uint64(t[0:]), binary.LittleEndian.Uint64(t[8:]), binary.LittleEndian.Uint64(t[16:])
	return (a^w[0])|(b^w[1])|(c^w[2]) == 0
}

// ref tells whether the string is in an arena, and where.
func (t *text) ref() (r ref, ok bool) {
	return ref(binary.LittleEndian.Uint64(t[:])), t[inline] == far
}

// view returns the string, aliasing the text or the arena.
func (t *text) view(a *arena) string {
	if r, ok := t.ref(); ok {
		return a.get(r)
	}
	return unsafe.String(&t[0], int(t[inline]))
}
