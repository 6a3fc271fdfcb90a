package paged

import (
	"iter"
	"reflect"
	"unsafe"

	"github.com/affluxdev/afflux/state"
)

// typedTables gives tables their types. It and typedTable are compiled for each
// pair of types, so all the work is done by what they hold.
type typedTables[K comparable, S any] struct{ of *tables }

// typedTable is a table of keys K and states S.
type typedTable[K comparable, S any] struct{ of table }

// NewTables returns tables that keep together about as many bytes of keys and
// states in memory as budget says, and the others in kv, which they close. A
// table whose kv fails, or a state that cannot be stored, panics with what
// unwind makes of the error.
//
// States may be of any type of which values can be copied: fields need not be
// exported. Functions, channels and maps by address are refused, and keys with
// floating-point numbers. Two pointers to one value come back as pointers to
// two.
func NewTables[K comparable, S any](kv state.KV, budget int64, unwind func(error) any) (state.Tables[K, S], error) {
	p, err := newTables(kv, budget, unwind, reflect.TypeFor[K](), reflect.TypeFor[S]())
	if err != nil {
		return nil, err
	}
	p.equal, p.assign = equal[K], assign[K]
	return typedTables[K, S]{p}, nil
}

func equal[K comparable](a, b unsafe.Pointer) bool { return *(*K)(a) == *(*K)(b) }

func assign[K any](to, from unsafe.Pointer) { *(*K)(to) = *(*K)(from) }

// New implements state.Tables.
func (p typedTables[K, S]) New() state.Table[K, S] {
	t := &typedTable[K, S]{}
	p.of.add(&t.of)
	return t
}

// Scratch implements state.Tables: rows of a table that no snapshot names would stay in
// the files.
func (p typedTables[K, S]) Scratch() state.Table[K, S] { return nil }

// Snapshot implements state.Tables.
func (p typedTables[K, S]) Snapshot(s state.Snapshot, tables iter.Seq2[string, state.Table[K, S]]) error {
	var names []string
	var all []*table
	for name, t := range tables {
		names, all = append(names, name), append(all, &t.(*typedTable[K, S]).of)
	}
	return p.of.snapshot(s, names, all)
}

// Restore implements state.Tables.
func (p typedTables[K, S]) Restore(r state.Restoration, f func(name string, t state.Table[K, S]) error) error {
	all := map[string]*typedTable[K, S]{}
	fresh := func(name string) *table {
		all[name] = &typedTable[K, S]{}
		p.of.add(&all[name].of)
		return &all[name].of
	}
	return p.of.restore(r, fresh, func(name string) error { return f(name, all[name]) })
}

// Bytes implements state.Tables.
func (p typedTables[K, S]) Bytes() int64 { return p.of.spare() }

// Close implements state.Tables.
func (p typedTables[K, S]) Close() error { return p.of.kv.Close() }

// addresses is the same slice without its type.
func addresses[S any](states []*S) []unsafe.Pointer {
	return unsafe.Slice((*unsafe.Pointer)(unsafe.Pointer(unsafe.SliceData(states))), len(states))
}

// Lookup implements state.Table.
func (t *typedTable[K, S]) Lookup(keys []K, hashes []uint64, out []*S) {
	n := len(keys)
	t.of.findAll(unsafe.Pointer(unsafe.SliceData(keys)), hashes[:n], addresses(out[:n]))
}

// Get implements state.Table.
func (t *typedTable[K, S]) Get(key *K, hash uint64) *S {
	return (*S)(t.of.get(unsafe.Pointer(key), hash))
}

// Delete implements state.Table.
func (t *typedTable[K, S]) Delete(key *K, hash uint64) bool {
	return t.of.delete(unsafe.Pointer(key), hash)
}

// Len implements state.Table.
func (t *typedTable[K, S]) Len() int { return t.of.len() }

// Bytes implements state.Table.
func (t *typedTable[K, S]) Bytes() int64 { return t.of.size() }

// Range implements state.Table.
func (t *typedTable[K, S]) Range(cursor int, f func(hash uint64, key K, s *S) bool) int {
	return t.of.visitEach(cursor, func(hash uint64, key, s unsafe.Pointer) bool { return f(hash, *(*K)(key), (*S)(s)) })
}

// Scan implements state.Table.
func (t *typedTable[K, S]) Scan(cursor int, keys []K, hashes []uint64, states []*S) (n, next int) {
	n = len(keys)
	return t.of.scan(cursor, unsafe.Pointer(unsafe.SliceData(keys)), hashes[:n], addresses(states[:n]))
}

// Expect implements state.Table: the index is small and grows fast enough.
func (t *typedTable[K, S]) Expect(int) {}

// Clear implements state.Table.
func (t *typedTable[K, S]) Clear() { t.of.clear() }

var _ state.Table[int, int] = (*typedTable[int, int])(nil)
