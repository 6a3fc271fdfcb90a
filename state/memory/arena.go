package memory

import (
	"strings"
	"unsafe"
)

// ref is a string in an arena: its offset and, in the low lengthBits, its
// length. A string too long for that has the length longRef and its index in
// place of the offset.
type ref uint64

const (
	lengthBits = 24
	longRef    = 1<<lengthBits - 1
)

// arena holds the bytes of many strings in one piece of memory without
// pointers. Strings are added and never changed; the space of removed ones is
// counted as dead.
type arena struct {
	bytes []byte
	dead  int
	lent  bool     // a snapshot may have bytes too
	long  []string // those of at least longRef bytes
}

func (a *arena) add(s string) ref {
	if s == "" { // not a pointer past the end
		return 0
	}
	if len(s) >= longRef {
		a.long = append(a.long, strings.Clone(s))
		return ref(len(a.long)-1)<<lengthBits | longRef
	}
	r := ref(len(a.bytes))<<lengthBits | ref(len(s))
	a.bytes = append(a.bytes, s...)
	return r
}

// get returns a string that aliases the arena.
func (a *arena) get(r ref) string {
	n := int(r & longRef)
	if n == longRef {
		return a.long[r>>lengthBits]
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.bytes)), uintptr(r>>lengthBits))), n)
}

func (a *arena) drop(r ref) {
	if n := int(r & longRef); n == longRef {
		a.long[r>>lengthBits] = ""
	} else {
		a.dead += n
	}
}

// wasteful tells that most of the arena is dead and worth a copy.
func (a *arena) wasteful() bool { return a.dead > 64<<10 && a.dead > len(a.bytes)/2 }

// clear keeps room for what it held.
func (a *arena) clear() {
	if used := len(a.bytes); a.lent || cap(a.bytes) > max(8*used, 4<<10) {
		a.bytes = make([]byte, 0, used)
	}
	a.bytes, a.dead, a.long, a.lent = a.bytes[:0], 0, nil, false
}

func (a *arena) size() int64 {
	n := int64(cap(a.bytes))
	for _, s := range a.long {
		n += int64(len(s))
	}
	return n
}
