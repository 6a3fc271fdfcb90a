package layout

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"
)

// skip passes over a value of a type of the schema.
func (s *schema) skip(data []byte, of, depth int) (_ []byte, err error) {
	n := &s.Types[of]
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if len(data) < n.least {
		return nil, errCut
	}
	if n.Plain {
		return data[n.Size:], nil
	}
	switch n.Kind {
	case structKind:
		if n.Pad {
			data = data[1:]
		}
		for _, f := range n.Fields {
			if data, err = s.skip(data, f.Type, depth); err != nil {
				return nil, err
			}
		}
		return data, nil
	case arrayKind:
		if s.Types[n.Elem].least == 0 {
			return data, nil // nothing is stored
		}
		return s.skipAll(data, n.Len, depth, n.Elem)
	case sliceKind:
		many, data, err := count(data)
		if err != nil || many == 0 {
			return data, err
		}
		if many--; s.Types[n.Elem].least == 0 {
			return data, nil
		}
		return s.skipAll(data, many, depth+1, n.Elem)
	case pointerKind:
		set, data, err := flag(data)
		if err != nil || !set {
			return data, err
		}
		return s.skip(data, n.Elem, depth+1)
	case mapKind:
		many, data, err := count(data)
		if err != nil || many == 0 {
			return data, err
		}
		if many--; s.Types[n.Key].least == 0 && many > 1 {
			return nil, errDamaged
		}
		return s.skipAll(data, many, depth+1, n.Key, n.Elem)
	case "string":
		_, rest, err := text(data)
		return rest, err
	}
	return skipSpecial(n.Kind, data, depth)
}

// skipAll passes over n values of each of some types in turn, the first of which
// take a byte or more each.
func (s *schema) skipAll(data []byte, n, depth int, of ...int) (_ []byte, err error) {
	for range n {
		for _, t := range of {
			if data, err = s.skip(data, t, depth); err != nil {
				return nil, err
			}
		}
	}
	return data, nil
}

func skipSpecial(kind string, data []byte, depth int) ([]byte, error) {
	switch kind {
	case timeKind:
		var t time.Time
		return mustOf(timeType).load(data, unsafe.Pointer(&t), depth)
	case zoneKind:
		var z *time.Location
		return mustOf(locationType).load(data, unsafe.Pointer(&z), depth)
	case addrKind:
		size := map[byte]int{0: 1, 4: 5, 16: 17}[data[0]]
		switch {
		case size == 0:
			return nil, errDamaged
		case len(data) < size:
			return nil, errCut
		case size < 17:
			return data[size:], nil
		}
		_, rest, err := text(data[size:])
		return rest, err
	case nameKind:
		set, data, err := flag(data)
		if err != nil || !set {
			return data, err
		}
		_, rest, err := text(data)
		return rest, err
	case handleKind:
		_, w := binary.Uvarint(data)
		if w <= 0 {
			return nil, errCut
		}
		return data[w:], nil
	case anyKind:
		var v any
		return mustOf(anyType).load(data, unsafe.Pointer(&v), depth)
	}
	return nil, fmt.Errorf("%w: it has a %q", errSchema, kind)
}
