package memory

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// tables makes tables that have nothing in common but the counter of versions.
type tables[K comparable, S any] struct {
	large   int64  // bytes of entries from which on a table gets a file of its own
	version uint64 // the last one that a table got
	clock   uint64 // see slots.change
}

// NewTables returns tables in memory, see NewTable. To be in checkpoints, keys
// and states must be of types that codec/layout can store: functions, channels
// and maps by address are refused by Snapshot.
func NewTables[K comparable, S any]() state.Tables[K, S] { return NewTablesApart[K, S](largeTable) }

// NewTablesApart is NewTables where a table whose entries have so many bytes or more
// is kept in a file of its own, to which checkpoints refer until it changes.
func NewTablesApart[K comparable, S any](bytes int64) state.Tables[K, S] {
	return &tables[K, S]{large: bytes}
}

// New implements state.Tables.
func (p *tables[K, S]) New() state.Table[K, S] {
	t := NewTable[K, S]()
	t.(freezer).base().clock = &p.clock
	return t
}

// Scratch implements state.Tables.
func (*tables[K, S]) Scratch() state.Table[K, S] { return NewTable[K, S]() }

// Bytes implements state.Tables.
func (*tables[K, S]) Bytes() int64 { return 0 }

// Close implements state.Tables.
func (*tables[K, S]) Close() error { return nil }

// Names under which tables are kept: most of them and the list of the others,
// and the files of those.
const (
	kept      = "tables"
	keptTable = "table"
)

// freezer is what tables have for snapshots.
type freezer interface {
	// freezes begins a snapshot. It must be ended by its over.
	freezes(e *entry, slab *slab) *frozen
	base() *slots
}

func (t *plainTable[K, S]) freezes(e *entry, slab *slab) *frozen {
	return t.slots.freeze(e, arena{}, slab)
}

func (t *plainTable[K, S]) base() *slots { return &t.slots }

func (t *namedTable[K, S]) freezes(e *entry, slab *slab) *frozen {
	return t.of.freeze(e, t.of.lend(), slab)
}

func (t *namedTable[K, S]) base() *slots { return &t.of.slots }

// entryOf returns how the tables of NewTable are stored.
func entryOf[K comparable, S any]() (*entry, error) {
	key, s := reflect.TypeFor[K](), reflect.TypeFor[S]()
	if key.Kind() == reflect.String {
		return newEntry(reflect.TypeFor[namedSlot[S]](), key, s)
	}
	return newEntry(reflect.TypeFor[slot[K, S]](), key, s)
}

// Snapshot implements state.Tables.
func (p *tables[K, S]) Snapshot(s state.Snapshot, tables iter.Seq2[string, state.Table[K, S]]) error {
	e, err := entryOf[K, S]()
	if err != nil {
		return err
	}
	c := newCapture(e)
	type largeOne struct {
		freezer
		name string
	}
	var large []largeOne
	for name, t := range tables {
		if f := t.(freezer); f.base().occupied() < p.large {
			c.add(name, f)
		} else {
			large = append(large, largeOne{f, name})
		}
	}
	// Those that were changed last are written first: they will be changed next, and
	// what is changed before it is written has to be saved.
	slices.SortFunc(large, func(a, b largeOne) int { return cmp.Compare(b.base().late, a.base().late) })
	var apart []fileOf
	for _, f := range large {
		own, id := newCapture(e), f.base().stamp(&p.version)
		own.add(f.name, f)
		s.Unchanging(keptTable, id, own)
		apart = append(apart, fileOf{f.name, id})
	}
	if c.apart = len(apart); c.apart > 0 {
		s.Blob(kept, appendFiles(nil, apart))
	}
	s.Keyed(kept, c)
	return nil
}

// Restore implements state.Tables.
func (p *tables[K, S]) Restore(r state.Restoration, f func(name string, t state.Table[K, S]) error) error {
	e, err := entryOf[K, S]()
	if err != nil {
		return err
	}
	keys, states, out := make([]K, selectChunk), make([]S, selectChunk), make([]*S, selectChunk)
	in := newInbox(e, keys, states)
	all := map[string]state.Table[K, S]{}
	var t state.Table[K, S]
	var before, n int
	in.begin = func(name string, entries int) error {
		if t = all[name]; t == nil {
			t = p.New()
			all[name] = t
		}
		before, n = t.Len(), entries
		return nil
	}
	in.add = func(some, owned, seen int) error {
		t.(freezer).base().expect(before + int(float64(n)/float64(seen)*float64(owned)))
		t.Lookup(keys[:some], in.hashes[:some], out)
		for i, s := range out[:some] {
			*s = states[i]
		}
		clear(keys[:some])
		clear(states[:some])
		return nil
	}
	if err := readAll(r, kept, in); err != nil {
		return err
	}
	if err := readFiles(r, in); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if t := all[name]; t.Len() > 0 {
			if err := f(name, t); err != nil {
				return fmt.Errorf("the table %q cannot be restored: %w", name, err)
			}
		}
	}
	return nil
}
