package memory

import (
	"reflect"
	"unsafe"
)

// namedTable is a string table with types. K is string or a type made from it.
// It is compiled for each pair of types, so all the work is done by what it
// holds.
type namedTable[K comparable, S any] struct{ of stringTable }

// namedSlot is an entry of a named table. Its fields are reached by their
// offsets; the type tells how large it is and where pointers are.
type namedSlot[S any] struct {
	_     [0]func()  // entries are never compared, which takes no code then
	slot  stringSlot //nolint:unused // see above
	state S          //nolint:unused // at stateAt, whose size suits any alignment
}

func newNamedTable[K comparable, S any]() *namedTable[K, S] {
	t := &namedTable[K, S]{}
	t.of.init(reflect.TypeFor[namedSlot[S]](), put[namedSlot[S]])
	return t
}

// asStrings is the same slice as strings.
func asStrings[K comparable](keys []K) []string {
	return unsafe.Slice((*string)(unsafe.Pointer(unsafe.SliceData(keys))), len(keys))
}

// addresses is the same slice without its type.
func addresses[S any](states []*S) []unsafe.Pointer {
	return unsafe.Slice((*unsafe.Pointer)(unsafe.Pointer(unsafe.SliceData(states))), len(states))
}

func asString[K comparable](k *K) string { return *(*string)(unsafe.Pointer(k)) }

func fromString[K comparable](s string) K { return *(*K)(unsafe.Pointer(&s)) }

// Lookup implements state.Table.
func (t *namedTable[K, S]) Lookup(keys []K, hashes []uint64, out []*S) {
	t.of.lookup(asStrings(keys), hashes[:len(keys)], addresses(out[:len(keys)]))
}

// Get implements state.Table.
func (t *namedTable[K, S]) Get(key *K, hash uint64) *S { return (*S)(t.of.get(asString(key), hash)) }

// Delete implements state.Table.
func (t *namedTable[K, S]) Delete(key *K, hash uint64) bool { return t.of.delete(asString(key), hash) }

// Len implements state.Table.
func (t *namedTable[K, S]) Len() int { return t.of.n }

// Bytes implements state.Table.
func (t *namedTable[K, S]) Bytes() int64 { return t.of.held() }

// Range implements state.Table.
func (t *namedTable[K, S]) Range(cursor int, f func(hash uint64, key K, s *S) bool) int {
	return t.of.visit(cursor, func(hash uint64, key string, s unsafe.Pointer) bool {
		return f(hash, fromString[K](key), (*S)(s))
	})
}

// Scan implements state.Table.
func (t *namedTable[K, S]) Scan(cursor int, keys []K, hashes []uint64, states []*S) (n, next int) {
	n = len(keys)
	return t.of.scan(cursor, asStrings(keys), hashes[:n], addresses(states[:n]))
}

// Expect implements state.Table.
func (t *namedTable[K, S]) Expect(n int) { t.of.hint = n }

// Clear implements state.Table.
func (t *namedTable[K, S]) Clear() { t.of.reset() }
