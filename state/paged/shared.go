package paged

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// maxShared is how many addresses are kept: a program has few time zones, but
// one that parses times with offsets makes one for each of them.
const maxShared = 1 << 16

var locationType = reflect.TypeFor[*time.Location]()

// isShared tells whether values are compared by an address that many others
// share: a time zone, or a handle of package unique.
func isShared(t reflect.Type) bool {
	return t == locationType || t.PkgPath() == "unique" && strings.HasPrefix(t.Name(), "Handle[")
}

// shared are such addresses by number, for as long as the process lives.
var shared = struct {
	sync.RWMutex
	numbers   map[unsafe.Pointer]int
	addresses []unsafe.Pointer
}{numbers: map[unsafe.Pointer]int{}}

// share returns the number of an address; ok is false when there are too many.
func share(p unsafe.Pointer) (n int, ok bool) {
	shared.RLock()
	n, ok = shared.numbers[p]
	shared.RUnlock()
	if ok {
		return n, true
	}
	shared.Lock()
	defer shared.Unlock()
	if n, ok = shared.numbers[p]; ok {
		return n, true
	}
	if n = len(shared.addresses); n == maxShared {
		return 0, false
	}
	shared.numbers[p], shared.addresses = n, append(shared.addresses, p)
	return n, true
}

func sharedAddress(n int) (unsafe.Pointer, bool) {
	shared.RLock()
	defer shared.RUnlock()
	if n < 0 || n >= len(shared.addresses) {
		return nil, false
	}
	return shared.addresses[n], true
}

// Numbers of addresses are stored from sharedFirst on.
const (
	sharedNil   = 0
	sharedZone  = 1 // a time zone by name and offset, since there are too many
	sharedFirst = 2
)

// sharedLayout stores the number of an address. A time zone too many is one
// that was made for an offset: it is stored by what it is.
func sharedLayout(l *layout, t reflect.Type) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		to := *(*unsafe.Pointer)(p)
		if to == nil {
			return append(dst, sharedNil), nil
		}
		if n, ok := share(to); ok {
			return binary.AppendUvarint(dst, uint64(n)+sharedFirst), nil
		}
		if t != locationType {
			return dst, fmt.Errorf("more than %d values of %s: state on disk cannot hold them", maxShared, t)
		}
		name, offset := time.Unix(0, 0).In((*time.Location)(to)).Zone()
		dst = binary.AppendVarint(append(dst, sharedZone), int64(offset))
		return append(binary.AppendUvarint(dst, uint64(len(name))), name...), nil
	}
	l.load = func(data []byte, p unsafe.Pointer) ([]byte, error) {
		n, data, err := count(data)
		switch {
		case err != nil || n == sharedNil:
			return data, err
		case n == sharedZone && t == locationType:
			return loadZone(data, p)
		}
		to, ok := sharedAddress(n - sharedFirst)
		if !ok {
			return nil, fmt.Errorf("the stored state has an unknown %s", t)
		}
		*(*unsafe.Pointer)(p) = to
		return data, nil
	}
}

func loadZone(data []byte, p unsafe.Pointer) ([]byte, error) {
	offset, w := binary.Varint(data)
	if w <= 0 {
		return nil, errCut
	}
	n, data, err := count(data[w:])
	if err != nil || n > len(data) {
		return nil, errCut
	}
	*(**time.Location)(p) = time.FixedZone(string(data[:n]), int(offset))
	return data[n:], nil
}
