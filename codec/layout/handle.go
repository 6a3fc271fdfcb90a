package layout

import (
	"reflect"
	"sync"
	"unsafe"
)

// maxShared is how many addresses are kept: a program has few time zones, but
// one that parses times with offsets makes one for each of them.
const maxShared = 1 << 16

// numbered are the addresses of handles by number, for as long as the process
// lives.
type numbered struct {
	sync.RWMutex
	numbers   map[unsafe.Pointer]int
	addresses []unsafe.Pointer
	types     []reflect.Type
}

var handles = numbered{numbers: map[unsafe.Pointer]int{}}

// number returns the number of an address; ok is false when there are too many.
func (h *numbered) number(p unsafe.Pointer, t reflect.Type) (n int, ok bool) {
	h.RLock()
	n, ok = h.numbers[p]
	h.RUnlock()
	if ok {
		return n, true
	}
	h.Lock()
	defer h.Unlock()
	if n, ok = h.numbers[p]; ok {
		return n, true
	}
	if n = len(h.addresses); n == maxShared {
		return 0, false
	}
	h.numbers[p], h.addresses, h.types = n, append(h.addresses, p), append(h.types, t)
	return n, true
}

func (h *numbered) address(n int, t reflect.Type) (unsafe.Pointer, bool) {
	h.RLock()
	defer h.RUnlock()
	if n < 0 || n >= len(h.addresses) || h.types[n] != t {
		return nil, false
	}
	return h.addresses[n], true
}
