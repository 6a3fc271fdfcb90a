package layout

import (
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// schema describes what the values of a layout look like when they are stored,
// as JSON.
type schema struct {
	// Format is the version of the encoding.
	Format int `json:"format"`
	// Memory is how plain values lie in memory.
	Memory string `json:"memory"`
	// Types are the types that occur; the first is that of the values.
	Types []node `json:"types"`
}

const format = 1

// node is one type. Others are named by their place in the list.
type node struct {
	Kind string `json:"kind"`
	// Plain values are stored as the Size bytes that they take in memory.
	Plain bool `json:"plain,omitzero"`
	Size  int  `json:"size,omitzero"`
	// Pad is a byte before the fields, which would take none.
	Pad    bool   `json:"pad,omitzero"`
	Len    int    `json:"len,omitzero"`
	Key    int    `json:"key,omitzero"`
	Elem   int    `json:"elem,omitzero"`
	Fields []part `json:"fields,omitzero"`

	least int // bytes that a value takes at least
}

// part is a field. At is its place in plain memory.
type part struct {
	Name string `json:"name"`
	Type int    `json:"type"`
	At   int    `json:"at,omitzero"`
}

// memory names how this machine lays out memory.
func memory() string {
	order := "little-endian"
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		order = "big-endian"
	}
	return fmt.Sprintf("%s, %d bits", order, 8*unsafe.Sizeof(uintptr(0)))
}

// Kinds that reflection does not have.
const (
	timeKind    = "time"
	zoneKind    = "time zone"
	addrKind    = "address"
	nameKind    = "name"
	handleKind  = "handle"
	structKind  = "struct"
	arrayKind   = "array"
	sliceKind   = "slice"
	pointerKind = "pointer"
	mapKind     = "map"
	anyKind     = "interface"
)

// kindOf names the kind of a layout. Integers are named by their size.
func (l *Layout) kindOf() string {
	switch {
	case l.of == timeType && !l.keys:
		return timeKind
	case l.of == locationType:
		return zoneKind
	case l.of == addrType:
		return addrKind
	case l.of == nameType:
		return nameKind
	case l.local != "":
		return handleKind
	}
	switch k := l.of.Kind(); k {
	case reflect.Int:
		return fmt.Sprintf("int%d", 8*l.of.Size())
	case reflect.Uint, reflect.Uintptr:
		return fmt.Sprintf("uint%d", 8*l.of.Size())
	case reflect.Pointer:
		return pointerKind
	default:
		return k.String()
	}
}

// Schema describes what Append writes, so that From can read it when the type
// has changed. Types that are stored in the same way have equal schemas,
// whatever they are called.
func (l *Layout) Schema() []byte {
	s := schema{Format: format, Memory: memory()}
	s.add(l, map[*Layout]int{})
	data, err := json.Marshal(&s)
	if err != nil {
		panic(fmt.Sprintf("layout: the schema of %s cannot be encoded: %v", l.of, err)) // strings and numbers can
	}
	return data
}

func (s *schema) add(l *Layout, known map[*Layout]int) int {
	if at, ok := known[l]; ok {
		return at
	}
	at := len(s.Types)
	known[l] = at
	s.Types = append(s.Types, node{})
	n := node{Kind: l.kindOf(), Plain: l.plain}
	if l.plain {
		n.Size = int(l.of.Size())
	}
	switch n.Kind {
	case structKind:
		n.Pad = l.pad
		for _, f := range l.parts() {
			p := part{Name: f.name, Type: s.add(f.Layout, known)}
			if l.plain {
				p.At = int(f.offset)
			}
			n.Fields = append(n.Fields, p)
		}
	case arrayKind:
		if n.Len = l.of.Len(); n.Len > 0 { // no element may be of any type
			n.Elem = s.add(l.element(), known)
		}
	case sliceKind, pointerKind:
		n.Elem = s.add(l.elem, known)
	case mapKind:
		n.Key, n.Elem = s.add(l.key, known), s.add(l.elem, known)
	}
	s.Types[at] = n
	return at
}

// parts are the fields of a struct, also of a plain one.
func (l *Layout) parts() []field {
	if !l.plain {
		return l.fields
	}
	var parts []field
	for i := range l.of.NumField() {
		if f := l.of.Field(i); f.Name != "_" {
			parts = append(parts, field{mustOf(f.Type), f.Name, f.Offset})
		}
	}
	return parts
}

// element is the layout of the elements of an array, also of a plain one.
func (l *Layout) element() *Layout {
	if !l.plain {
		return l.elem
	}
	return mustOf(l.of.Elem())
}

// mustOf is the layout of a type that has one, like those without pointers.
func mustOf(t reflect.Type) *Layout {
	l, err := Of(t)
	if err != nil {
		panic(err)
	}
	return l
}

var anyType = reflect.TypeFor[any]()

var errSchema = errors.New("the schema of stored values is damaged")

// parse reads a schema and makes sure that a value that follows it has an end.
func parse(data []byte) (*schema, error) {
	s := &schema{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%w: %w", errSchema, err)
	}
	if s.Format != format {
		return nil, fmt.Errorf("stored values have format %d, and this program reads %d", s.Format, format)
	}
	if s.Memory != memory() {
		return nil, fmt.Errorf("stored values come from a machine whose memory is %s, this one is %s: they cannot be read here", s.Memory, memory())
	}
	if len(s.Types) == 0 || len(s.Types) > maxTypes {
		return nil, errSchema
	}
	at := make([]progress, len(s.Types))
	for i := range s.Types {
		if err := s.check(i, at); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Bounds of a schema.
const (
	maxTypes = 1 << 12
	maxSize  = 1 << 40
)

type progress uint8

const (
	unseen progress = iota
	begun
	done
)

// check validates one type and sets what it takes at least. Types may contain
// themselves, but only where a value may end.
func (s *schema) check(i int, at []progress) error {
	if i < 0 || i >= len(s.Types) {
		return errSchema
	}
	n := &s.Types[i]
	switch {
	case at[i] == done:
		return nil
	case at[i] == begun || n.Size < 0 || n.Size > maxSize || n.Len < 0 || n.Len > maxSize:
		return errSchema
	}
	at[i] = begun
	switch n.Kind {
	case structKind:
		for _, f := range n.Fields {
			if err := s.check(f.Type, at); err != nil {
				return err
			}
			of := &s.Types[f.Type]
			if n.Plain && (!of.Plain || f.At < 0 || f.At > n.Size-of.Size) {
				return errSchema
			}
			n.least = min(n.least+of.least, maxSize)
		}
		if n.Pad {
			n.least++
		}
	case arrayKind:
		if n.Len == 0 {
			break
		}
		if err := s.check(n.Elem, at); err != nil {
			return err
		}
		of := &s.Types[n.Elem]
		if n.Plain && (!of.Plain || of.Size > 0 && n.Size/of.Size != n.Len) {
			return errSchema
		}
		if of.least > 0 {
			n.least = min(n.Len, maxSize/of.least) * of.least
		}
	case sliceKind, pointerKind, mapKind:
		if n.Elem < 0 || n.Elem >= len(s.Types) || n.Key < 0 || n.Key >= len(s.Types) {
			return errSchema
		}
		n.least = 1
	default:
		n.least = 1
		if size, ok := scalars[n.Kind]; ok && (!n.Plain || size != n.Size) {
			return errSchema
		}
	}
	if n.Plain {
		n.least = n.Size
	}
	at[i] = done
	return nil
}

// scalars are the sizes of the kinds that are stored as they are.
var scalars = map[string]int{
	"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
	"float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}
