package layout

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"
	"unique"
	"unsafe"
)

// Types that hold addresses that mean something beyond what is stored there.
var (
	timeType     = reflect.TypeFor[time.Time]()
	locationType = reflect.TypeFor[*time.Location]()
	addrType     = reflect.TypeFor[netip.Addr]()
	nameType     = reflect.TypeFor[unique.Handle[string]]()
)

// isShared tells whether values are compared by an address that many others
// share: a time zone, or a handle of package unique.
func isShared(t reflect.Type) bool {
	return t == locationType || t == addrType || t.PkgPath() == "unique" && strings.HasPrefix(t.Name(), "Handle[")
}

// special makes the layouts of shared types, and of times that are no keys.
func special(l *Layout, path string) bool {
	if l.of == timeType && !l.keys {
		timeLayout(l)
		return true
	}
	if !isShared(l.of) {
		return false
	}
	l.least = 1
	switch l.of {
	case locationType:
		zoneLayout(l)
	case addrType:
		addrLayout(l)
	case nameType:
		nameLayout(l)
	default:
		l.local = path
		handleLayout(l)
	}
	return true
}

// timeSize is what a time takes before its zone.
const timeSize = 12

// timeLayout stores the seconds and nanoseconds of a time since the Unix epoch,
// and its zone. The reading of the monotonic clock means nothing to another
// process and is left out.
func timeLayout(l *Layout) {
	l.least = timeSize + 1
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		t := (*time.Time)(p)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Unix()))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(t.Nanosecond()))
		return appendZoneOf(dst, t.Location()), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		if len(data) < timeSize {
			return nil, errCut
		}
		z, rest, err := loadZone(data[timeSize:])
		if err != nil {
			return nil, err
		}
		nanos := binary.LittleEndian.Uint32(data[8:])
		if z == nil || nanos >= 1e9 {
			return nil, errDamaged
		}
		*(*time.Time)(p) = time.Unix(int64(binary.LittleEndian.Uint64(data)), int64(nanos)).In(z)
		return rest, nil
	}
}

// addrLayout stores an IP address: how many bytes it has, those, and the zone of
// one of 16.
func addrLayout(l *Layout) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		a := *(*netip.Addr)(p)
		switch {
		case !a.IsValid():
			return append(dst, 0), nil
		case a.Is4():
			b := a.As4()
			return append(append(dst, 4), b[:]...), nil
		}
		b := a.As16()
		return appendText(append(append(dst, 16), b[:]...), a.Zone()), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		if len(data) == 0 {
			return nil, errCut
		}
		n, data := int(data[0]), data[1:]
		if n > len(data) {
			return nil, errCut
		}
		switch n {
		case 0:
			return data, nil
		case 4:
			*(*netip.Addr)(p) = netip.AddrFrom4([4]byte(data))
			return data[n:], nil
		case 16:
			a := netip.AddrFrom16([16]byte(data))
			zone, rest, err := text(data[n:])
			if err != nil {
				return nil, err
			}
			if len(zone) > 0 {
				a = a.WithZone(string(zone))
			}
			*(*netip.Addr)(p) = a
			return rest, nil
		}
		return nil, errDamaged
	}
}

// nameLayout stores a handle of a string: 0 for none, or 1 and the string.
func nameLayout(l *Layout) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		if *(*unsafe.Pointer)(p) == nil {
			return append(dst, 0), nil
		}
		return appendText(append(dst, 1), (*unique.Handle[string])(p).Value()), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		set, data, err := flag(data)
		if err != nil || !set {
			return data, err
		}
		s, rest, err := text(data)
		if err != nil {
			return nil, err
		}
		*(*unique.Handle[string])(p) = unique.Make(string(s))
		return rest, nil
	}
}

// flag reads a byte that is 0 or 1.
func flag(data []byte) (set bool, rest []byte, err error) {
	if len(data) == 0 {
		return false, nil, errCut
	}
	if data[0] > 1 {
		return false, nil, errDamaged
	}
	return data[0] == 1, data[1:], nil
}

// handleLayout stores 0 for none or the number of an address and 1. There is no
// way to make a handle of any type from its value.
func handleLayout(l *Layout) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		to := *(*unsafe.Pointer)(p)
		if to == nil {
			return append(dst, 0), nil
		}
		n, ok := handles.number(to, l.of)
		if !ok {
			return dst, fmt.Errorf("more than %d values of %s: state on disk cannot hold them", maxShared, l.of)
		}
		return binary.AppendUvarint(dst, uint64(n)+1), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		n, data, err := count(data)
		if err != nil || n == 0 {
			return data, err
		}
		to, ok := handles.address(n-1, l.of)
		if !ok {
			return nil, fmt.Errorf("the stored value has an unknown %s", l.of)
		}
		*(*unsafe.Pointer)(p) = to
		return data, nil
	}
}
