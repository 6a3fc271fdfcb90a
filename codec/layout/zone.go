package layout

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"
	"unsafe"
)

// How a time zone is stored: its kind, and from zoneLoose on its name; its
// offset if it is fixed; and, but for zoneLoose, a number that tells it from
// others of the same name and offset, since times are compared by the address
// of their zone.
const (
	zoneNil   = iota
	zoneUTC   // time.UTC
	zoneLocal // time.Local, whatever that is where it is read
	zoneLoose // like zoneFixed: one too many for its address to be kept
	zoneFixed // one that time.FixedZone makes
	zoneNamed // one that time.LoadLocation finds
	zoneOther // one that only the program knows
)

// zones are the time zones that have been stored or read, with what is stored
// for them. A process that reads a zone for the first time makes it.
var zones = struct {
	sync.RWMutex
	stored  map[*time.Location][]byte
	located map[string]*time.Location
}{stored: map[*time.Location][]byte{}, located: map[string]*time.Location{}}

func zoneLayout(l *Layout) {
	l.append = func(dst []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		return appendZoneOf(dst, *(**time.Location)(p)), nil
	}
	l.load = func(data []byte, p unsafe.Pointer, _ int) ([]byte, error) {
		z, rest, err := loadZone(data)
		if err == nil {
			*(**time.Location)(p) = z
		}
		return rest, err
	}
}

func appendZoneOf(dst []byte, z *time.Location) []byte {
	switch z {
	case nil:
		return append(dst, zoneNil)
	case time.UTC:
		return append(dst, zoneUTC)
	case time.Local:
		return append(dst, zoneLocal)
	}
	return append(dst, storedZone(z)...)
}

// storedZone is what is stored for a zone.
func storedZone(z *time.Location) []byte {
	zones.RLock()
	data, ok := zones.stored[z]
	zones.RUnlock()
	if ok {
		return data
	}
	kind, offset := kindOfZone(z)
	zones.Lock()
	defer zones.Unlock()
	if data, ok = zones.stored[z]; ok {
		return data
	}
	if len(zones.stored) >= maxShared {
		return appendZone(nil, zoneLoose, z.String(), offset, 0)
	}
	for n := 0; ; n++ {
		data = appendZone(nil, kind, z.String(), offset, n)
		if _, taken := zones.located[string(data)]; !taken {
			break
		}
	}
	zones.stored[z], zones.located[string(data)] = data, z
	return data
}

func appendZone(dst []byte, kind byte, name string, offset, number int) []byte {
	dst = appendText(append(dst, kind), name)
	if kind == zoneLoose || kind == zoneFixed {
		dst = binary.AppendVarint(dst, int64(offset))
	}
	if kind != zoneLoose {
		dst = binary.AppendUvarint(dst, uint64(number))
	}
	return dst
}

// kindOfZone tells where another process finds a zone, from its offsets of many
// years.
func kindOfZone(z *time.Location) (kind byte, offset int) {
	_, offset = time.Unix(0, 0).In(z).Zone()
	known, err := time.LoadLocation(z.String())
	named, fixed := err == nil, true
	for at := int64(0); at < 1<<31; at += 30 * 24 * 3600 {
		name, o := time.Unix(at, 0).In(z).Zone()
		fixed = fixed && o == offset && name == z.String()
		if named {
			other, p := time.Unix(at, 0).In(known).Zone()
			named = o == p && name == other
		}
	}
	switch {
	case named:
		return zoneNamed, offset
	case fixed:
		return zoneFixed, offset
	}
	return zoneOther, offset
}

func loadZone(data []byte) (z *time.Location, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, errCut
	}
	kind := data[0]
	switch kind {
	case zoneNil:
		return nil, data[1:], nil
	case zoneUTC:
		return time.UTC, data[1:], nil
	case zoneLocal:
		return time.Local, data[1:], nil
	case zoneLoose, zoneFixed, zoneNamed, zoneOther:
	default:
		return nil, nil, errDamaged
	}
	name, rest, err := text(data[1:])
	if err != nil {
		return nil, nil, err
	}
	offset := int64(0)
	if kind == zoneLoose || kind == zoneFixed {
		var w int
		if offset, w = binary.Varint(rest); w <= 0 {
			return nil, nil, errCut
		}
		if offset < -1<<31 || offset >= 1<<31 {
			return nil, nil, errDamaged
		}
		rest = rest[w:]
	}
	if kind == zoneLoose {
		return time.FixedZone(string(name), int(offset)), rest, nil
	}
	if _, rest, err = count(rest); err != nil {
		return nil, nil, err
	}
	z, err = locate(data[:len(data)-len(rest)], kind, name, int(offset))
	return z, rest, err
}

// locate returns the zone that is stored as data, and makes it if need be.
func locate(data []byte, kind byte, name []byte, offset int) (*time.Location, error) {
	zones.RLock()
	z, ok := zones.located[string(data)]
	zones.RUnlock()
	if ok {
		return z, nil
	}
	switch kind {
	case zoneFixed:
		z = time.FixedZone(string(name), offset)
	case zoneNamed:
		loaded, err := time.LoadLocation(string(name))
		if err != nil {
			return nil, fmt.Errorf("the stored time zone %q is not known here: %w", name, err)
		}
		z = loaded
	default:
		return nil, fmt.Errorf("the stored time zone %q is known only to the process that has stored it", name)
	}
	zones.Lock()
	defer zones.Unlock()
	if known, ok := zones.located[string(data)]; ok {
		return known, nil
	}
	if len(zones.stored) < maxShared && z != time.UTC && z != time.Local {
		zones.stored[z], zones.located[string(data)] = append([]byte(nil), data...), z
	}
	return z, nil
}
