package codec

import (
	"fmt"

	"github.com/twmb/avro"
)

// Evolving is a codec whose messages can only be read with the schema that
// they were written with, and that reads those of another one. State that a
// checkpoint keeps is read by it when the program has changed since.
type Evolving[T any] interface {
	Codec[T]
	// Schema describes what Append writes.
	Schema() string
	// ForWriter returns a codec that reads what was written with another schema,
	// and writes like this one. It returns an error that says what does not fit.
	ForWriter(schema string) (Codec[T], error)
}

// Schema implements Evolving.
func (c *avroCodec[T]) Schema() string { return c.write.String() }

// ForWriter implements Evolving by the rules of Avro's schema resolution. Fields
// that are new get the default of their schema, or the zero value. Go
// types may have been renamed.
func (c *avroCodec[T]) ForWriter(schema string) (Codec[T], error) {
	if schema == c.Schema() {
		return c, nil
	}
	w, err := avro.Parse(schema)
	if err != nil {
		return nil, fmt.Errorf("avro schema of the writer: %w", err)
	}
	root, was := c.write.Root(), w.Root()
	named, wasNamed := map[string]*avro.SchemaNode{}, map[string]*avro.SchemaNode{}
	collect(root, named)
	collect(was, wasNamed)
	alignment{named, wasNamed, map[*avro.SchemaNode]bool{}}.align(root, was)
	fillDefaults(root, named)
	reader, err := root.Schema()
	if err != nil {
		return nil, fmt.Errorf("avro schema: %w", err)
	}
	read, err := avro.Resolve(w, reader)
	if err != nil {
		return nil, fmt.Errorf("avro schemas do not fit: %w", err)
	}
	return &avroCodec[T]{read: read, write: c.write}, nil
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

// inside calls f for the types that a type is made of.
func inside(n *avro.SchemaNode, f func(*avro.SchemaNode)) {
	for i := range n.Fields {
		f(&n.Fields[i].Type)
	}
	for i := range n.Branches {
		f(&n.Branches[i])
	}
	if n.Items != nil {
		f(n.Items)
	}
	if n.Values != nil {
		f(n.Values)
	}
}

// collect finds the types that have names.
func collect(n *avro.SchemaNode, named map[string]*avro.SchemaNode) {
	if n.Name != "" {
		named[fullName(n)] = n
	}
	inside(n, func(in *avro.SchemaNode) { collect(in, named) })
}

// alignment gives records, enumerations and fixed types of the reader the names
// that they had, since those follow from Go types.
type alignment struct {
	reader, writer map[string]*avro.SchemaNode
	seen           map[*avro.SchemaNode]bool
}

func (a alignment) align(r, w *avro.SchemaNode) {
	r, w = defined(r, a.reader), defined(w, a.writer)
	if r.Type != w.Type || a.seen[r] {
		return
	}
	a.seen[r] = true
	if r.Name != "" && fullName(r) != fullName(w) && a.reader[fullName(w)] == nil {
		r.Aliases = append(r.Aliases, fullName(w))
	}
	switch r.Type {
	case "record":
		for i := range r.Fields {
			for j := range w.Fields {
				if r.Fields[i].Name == w.Fields[j].Name {
					a.align(&r.Fields[i].Type, &w.Fields[j].Type)
				}
			}
		}
	case "array":
		a.align(r.Items, w.Items)
	case "map":
		a.align(r.Values, w.Values)
	case "union":
		if len(r.Branches) == len(w.Branches) {
			for i := range r.Branches {
				a.align(&r.Branches[i], &w.Branches[i])
			}
		}
	}
}

// defined follows a reference.
func defined(n *avro.SchemaNode, named map[string]*avro.SchemaNode) *avro.SchemaNode {
	if to := named[n.Type]; to != nil {
		return to
	}
	return n
}

// fillDefaults gives the fields without a default their zero value.
func fillDefaults(n *avro.SchemaNode, named map[string]*avro.SchemaNode) {
	for i := range n.Fields {
		f := &n.Fields[i]
		if f.HasDefault {
			continue
		}
		if zero, ok := zeroOf(&f.Type, named, 0); ok {
			f.Default, f.HasDefault = zero, true
		}
	}
	inside(n, func(in *avro.SchemaNode) { fillDefaults(in, named) })
}

// zeroDepth bounds how deep the records of a default may be nested.
const zeroDepth = 32

// zeroOf is the default that stands for the zero value, if there is one.
func zeroOf(n *avro.SchemaNode, named map[string]*avro.SchemaNode, depth int) (zero any, ok bool) {
	if depth > zeroDepth {
		return nil, false
	}
	switch n.Type {
	case "null":
		return nil, true
	case "boolean":
		return false, true
	case "int":
		return int32(0), true
	case "long":
		return int64(0), true
	case "float":
		return float32(0), true
	case "double":
		return float64(0), true
	case "string":
		return "", true
	case "bytes":
		return []byte{}, true
	case "array":
		return []any{}, true
	case "map":
		return map[string]any{}, true
	case "fixed":
		return make([]byte, n.Size), true
	case "enum":
		if len(n.Symbols) == 0 {
			return nil, false
		}
		return n.Symbols[0], true
	case "union":
		if len(n.Branches) == 0 {
			return nil, false
		}
		return zeroOf(&n.Branches[0], named, depth)
	case "record":
		fields := map[string]any{}
		for i := range n.Fields {
			f := &n.Fields[i]
			if fields[f.Name] = f.Default; f.HasDefault {
				continue
			}
			if fields[f.Name], ok = zeroOf(&f.Type, named, depth+1); !ok {
				return nil, false
			}
		}
		return fields, true
	}
	if to := named[n.Type]; to != nil {
		return zeroOf(to, named, depth+1)
	}
	return nil, false
}
