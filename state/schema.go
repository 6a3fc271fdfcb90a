package state

import (
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"fmt"
	"slices"

	"github.com/affluxdev/afflux/codec"
)

// storeSchema describes the states of a store, in the order in which Append
// writes them.
type storeSchema struct {
	Format int           `json:"format"`
	States []stateSchema `json:"states"`
}

const storeFormat = 1

type stateSchema struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Codecs are the schemas of the codecs; those of codecs that need none are
	// empty.
	Codecs []string `json:"codecs"`
}

// evolving is what a column does when its type or its codec has changed.
type evolving interface {
	// kind is how its contents are divided into values.
	kind() string
	// schemas are those of its codecs.
	schemas() []string
	// from returns load for what was written by codecs with other schemas, as
	// many as schemas returns.
	from(schemas []string) (load func(slot uint32, data []byte) error, err error)
}

// Schema describes what Append writes: the names of the states and the schemas
// of their codecs. It is called after Seal.
func (s *Store) Schema() []byte {
	all := storeSchema{Format: storeFormat, States: []stateSchema{}}
	for _, c := range s.columns {
		all.States = append(all.States, stateSchema{c.name(), c.kind(), c.schemas()})
	}
	data, err := json.Marshal(&all)
	if err != nil {
		panic(fmt.Sprintf("state: a schema cannot be encoded: %v", err)) // it has only strings
	}
	return data
}

// Stored reads the states that a store with other states has encoded. It
// belongs to the task of its store.
type Stored struct {
	s     *Store
	same  bool
	names []string
	loads []func(slot uint32, data []byte) error // nil for what is dropped
}

// From returns what reads states that were encoded by a store with a schema.
// States are found by their names. Those that were not there stay empty; one
// that nobody has declared any more is an error unless drop allows it, since it
// would be lost.
func (s *Store) From(schema []byte, drop bool) (*Stored, error) {
	from := storeSchema{}
	if err := json.Unmarshal(schema, &from); err != nil {
		return nil, fmt.Errorf("the description of stored states is damaged: %w", err)
	}
	if from.Format != storeFormat {
		return nil, fmt.Errorf("stored states have format %d, and this program reads %d", from.Format, storeFormat)
	}
	r := &Stored{s: s, same: slices.Equal(schema, s.Schema())}
	seen := map[string]bool{}
	for _, st := range from.States {
		if seen[st.Name] {
			return nil, errors.New("the description of stored states is damaged: two have one name")
		}
		seen[st.Name] = true
		load, err := s.loader(st, drop)
		if err != nil {
			return nil, fmt.Errorf("state %q: %w", st.Name, err)
		}
		r.names, r.loads = append(r.names, st.Name), append(r.loads, load)
	}
	return r, nil
}

func (s *Store) loader(st stateSchema, drop bool) (func(slot uint32, data []byte) error, error) {
	for _, c := range s.columns {
		if c.name() != st.Name {
			continue
		}
		switch own := c.schemas(); {
		case c.kind() != st.Kind:
			return nil, fmt.Errorf("it was stored as a %s and is declared as a %s: give it another name to begin anew", st.Kind, c.kind())
		case slices.Equal(own, st.Codecs):
			return c.load, nil
		case len(own) != len(st.Codecs):
			return nil, errors.New("the description of stored states is damaged")
		}
		return c.from(st.Codecs)
	}
	if !drop {
		return nil, errors.New("it is in the checkpoint, and no state of that name is declared: declare it, or allow that unclaimed state is dropped")
	}
	return nil, nil
}

// Same tells whether the store has the same states with the same schemas, so
// that Store.Load reads them too.
func (r *Stored) Same() bool { return r.same }

// Load is Store.Load for a slot whose states are empty.
func (r *Stored) Load(slot uint32, data []byte) error {
	for i, load := range r.loads {
		own, rest, err := openFrame(data)
		if err == nil && load != nil {
			err = load(slot, own)
		}
		if err != nil {
			return fmt.Errorf("state %q cannot be read: %w", r.names[i], err)
		}
		data = rest
	}
	if len(data) > 0 {
		return errors.New("stored states are longer than they should be")
	}
	return nil
}

// AppendBroadcast adds the broadcast states to dst, encoded with their schemas,
// as LoadBroadcast reads them.
func (s *Store) AppendBroadcast(dst []byte) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(s.shared)))
	for i := range s.shared {
		b := &s.shared[i]
		dst = appendBytes(dst, []byte(b.name))
		dst = appendBytes(dst, b.own.Schema())
		own, err := b.own.Append(b.own.slot, nil)
		if err != nil {
			return dst, err
		}
		dst = appendBytes(dst, own)
	}
	return dst, nil
}

// LoadBroadcast replaces the broadcast states by those that AppendBroadcast has
// encoded; drop is that of From.
func (s *Store) LoadBroadcast(data []byte, drop bool) error {
	n, size := binary.Uvarint(data)
	if size <= 0 {
		return errCut
	}
	data = data[size:]
	for ; n > 0; n-- {
		var parts [3][]byte
		var err error
		for i := range parts {
			if parts[i], data, err = openFrame(data); err != nil {
				return err
			}
		}
		if err := s.loadBroadcast(string(parts[0]), parts[1], parts[2], drop); err != nil {
			return fmt.Errorf("broadcast state %q: %w", parts[0], err)
		}
	}
	if len(data) > 0 {
		return errors.New("stored broadcast states are longer than they should be")
	}
	return nil
}

func (s *Store) loadBroadcast(name string, schema, data []byte, drop bool) error {
	for i := range s.shared {
		if s.shared[i].name != name {
			continue
		}
		own := s.shared[i].own
		from, err := own.From(schema, drop)
		if err != nil {
			return err
		}
		return from.Load(own.slot, data)
	}
	if !drop {
		return errors.New("it is in the checkpoint, and no state of that name is declared: declare it, or allow that unclaimed state is dropped")
	}
	return nil
}

func appendBytes(dst, data []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(data))), data...)
}

// schemaOf is the schema of a codec, empty if it needs none.
func schemaOf[T any](c codec.Codec[T]) string {
	if e, ok := c.(codec.Evolving[T]); ok {
		return e.Schema()
	}
	return ""
}

// forWriter returns a codec that reads what one with a schema has written.
func forWriter[T any](c codec.Codec[T], schema string) (codec.Codec[T], error) {
	e, ok := c.(codec.Evolving[T])
	switch {
	case ok && schema != "":
		return e.ForWriter(schema)
	case ok:
		return nil, errors.New("its values were stored by a codec without a schema, and are now read by one that needs it: choose the codec of before")
	case schema != "":
		return nil, fmt.Errorf("its values were stored by a codec with a schema, and are now read by %T, which has none: choose the codec of before, or change the type back", c)
	}
	return c, nil
}

// reading calls load with another codec in place of the own one.
func reading[T any](own *codec.Codec[T], schema string, load func(slot uint32, data []byte) error) (func(slot uint32, data []byte) error, error) {
	other, err := forWriter(*own, schema)
	if err != nil {
		return nil, err
	}
	return func(slot uint32, data []byte) error {
		now := *own
		*own = other
		err := load(slot, data)
		*own = now
		return err
	}, nil
}
