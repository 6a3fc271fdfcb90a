package memory

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"

	"github.com/affluxdev/afflux/state"
)

// tables makes tables that have nothing in common.
type tables[K comparable, S any] struct{}

// NewTables returns tables in memory, see NewTable. To be in checkpoints, keys
// and states must be of types that codec/layout can store: functions, channels
// and maps by address are refused by Snapshot.
func NewTables[K comparable, S any]() state.Tables[K, S] { return &tables[K, S]{} }

// New implements state.Tables.
func (*tables[K, S]) New() state.Table[K, S] { return NewTable[K, S]() }

// Scratch implements state.Tables.
func (*tables[K, S]) Scratch() state.Table[K, S] { return NewTable[K, S]() }

// Bytes implements state.Tables.
func (*tables[K, S]) Bytes() int64 { return 0 }

// Close implements state.Tables.
func (*tables[K, S]) Close() error { return nil }

// kept is the name under which tables are kept.
const kept = "tables"

// freezer is what tables have for snapshots.
type freezer interface {
	// freezes begins a snapshot. It must be ended by its over.
	freezes(e *entry, slab *slab) *frozen
	// expects is Expect that also takes the room.
	expects(n int)
}

func (t *plainTable[K, S]) freezes(e *entry, slab *slab) *frozen {
	return t.slots.freeze(e, arena{}, slab)
}

func (t *plainTable[K, S]) expects(n int) { t.slots.expect(n) }

func (t *namedTable[K, S]) freezes(e *entry, slab *slab) *frozen {
	return t.of.freeze(e, t.of.lend(), slab)
}

func (t *namedTable[K, S]) expects(n int) { t.of.expect(n) }

// entryOf returns how the tables of NewTable are stored.
func entryOf[K comparable, S any]() (*entry, error) {
	key, s := reflect.TypeFor[K](), reflect.TypeFor[S]()
	if key.Kind() == reflect.String {
		return newEntry(reflect.TypeFor[namedSlot[S]](), key, s)
	}
	return newEntry(reflect.TypeFor[slot[K, S]](), key, s)
}

// Snapshot implements state.Tables.
func (*tables[K, S]) Snapshot(s state.Snapshot, tables iter.Seq2[string, state.Table[K, S]]) error {
	e, err := entryOf[K, S]()
	if err != nil {
		return err
	}
	c := newCapture(e)
	for name, t := range tables {
		c.add(name, t.(freezer))
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
		t.(freezer).expects(before + int(float64(n)/float64(seen)*float64(owned)))
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
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if t := all[name]; t.Len() > 0 {
			if err := f(name, t); err != nil {
				return fmt.Errorf("the table %q cannot be restored: %w", name, err)
			}
		}
	}
	return nil
}
