package memory_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/affluxdev/afflux/codec/layout"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

// comesBack keeps entries, by hashes that need not be those of the keys, and
// restores them. It returns the bytes that were stored.
func comesBack[K, S comparable](t *testing.T, entries iter.Seq2[K, S], hashOf func(K) uint64) int {
	t.Helper()
	all := memory.NewTables[K, S]()
	table := all.New()
	want := map[K]S{}
	out := make([]*S, 1)
	for k, s := range entries {
		table.Lookup([]K{k}, []uint64{hashOf(k)}, out)
		*out[0], want[k] = s, s
	}
	kept := &statetest.Kept{}
	if err := errors.Join(all.Snapshot(kept, maps.All(named(table))), kept.Write()); err != nil {
		t.Fatal(err)
	}
	from := statetest.Restored{Parallelism: 1, From: []*statetest.Kept{kept}}
	if err := memory.NewTables[K, S]().Restore(from, func(_ string, restored state.Table[K, S]) error {
		if restored.Len() != len(want) {
			t.Errorf("%d entries of %d", restored.Len(), len(want))
		}
		for k, s := range want {
			if got := restored.Get(&k, hashOf(k)); got == nil || *got != s {
				t.Fatalf("%v: %v instead of %v", k, got, s)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return len(kept.Pieces()[0].Data)
}

// anyNumber is small, large or in between.
func anyNumber() uint64 { return rand.Uint64() >> rand.IntN(65) }

func TestPackedEntries(t *testing.T) {
	const n = 2000
	own := func(k uint64) uint64 { return k | 1<<40 }
	t.Run("nothing", func(t *testing.T) {
		comesBack(t, func(yield func(struct{}, struct{}) bool) { yield(struct{}{}, struct{}{}) }, func(struct{}) uint64 { return 1 })
	})
	t.Run("a set", func(t *testing.T) {
		comesBack(t, func(yield func(uint64, struct{}) bool) {
			for i := uint64(0); i < n && yield(anyNumber(), struct{}{}); i++ {
			}
		}, own)
	})
	t.Run("a byte", func(t *testing.T) {
		comesBack(t, func(yield func(uint64, uint8) bool) {
			for i := uint64(0); i < n && yield(i, uint8(anyNumber())); i++ {
			}
		}, own)
	})
	t.Run("a short key", func(t *testing.T) {
		comesBack(t, func(yield func(int32, [3]int32) bool) {
			for i := int32(0); i < n && yield(-i, [3]int32{int32(anyNumber()), -1, int32(anyNumber())}); i++ {
			}
		}, func(k int32) uint64 { return uint64(uint32(k)) + 1 })
	})
	t.Run("an even number of words", func(t *testing.T) {
		comesBack(t, func(yield func(uint64, [2]float64) bool) {
			for i := uint64(0); i < n && yield(anyNumber(), [2]float64{rand.NormFloat64(), math.Inf(-1)}); i++ {
			}
		}, own)
	})
	t.Run("much", func(t *testing.T) {
		comesBack(t, func(yield func([2]uint64, [101]uint16) bool) {
			for range n / 10 {
				var s [101]uint16
				for i := range s {
					s[i] = uint16(anyNumber())
				}
				if !yield([2]uint64{anyNumber(), anyNumber()}, s) {
					return
				}
			}
		}, func(k [2]uint64) uint64 { return k[0]<<1 | 1 })
	})
}

// TestPackedSize has what a count of each of many keys takes: two bytes that
// tell the sizes, three of the key, one of the count, and a little of the block.
func TestPackedSize(t *testing.T) {
	const n = 100_000
	all := memory.NewTables[uint64, int64]()
	table := all.New()
	for i := range uint64(n) {
		*one(table, i+1<<20) = int64(i % 200)
	}
	kept := &statetest.Kept{}
	if err := errors.Join(all.Snapshot(kept, maps.All(named(table))), kept.Write()); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, p := range kept.Pieces() {
		size += len(p.Data)
	}
	if size > n*61/10 || size < n {
		t.Errorf("%.2f bytes an entry", float64(size)/n)
	}
}

// TestUnpackedEntries restores what the first version of the format is.
func TestUnpackedEntries(t *testing.T) {
	key, err := layout.Of(reflect.TypeFor[uint64]())
	if err != nil {
		t.Fatal(err)
	}
	value, err := layout.Of(reflect.TypeFor[int64]())
	if err != nil {
		t.Fatal(err)
	}
	text := func(data, s []byte) []byte { return append(binary.AppendUvarint(data, uint64(len(s))), s...) }
	data := text(text([]byte{'M', 1}, key.Schema()), value.Schema())
	data = append(text(append(data, 'T'), []byte("a table")), 2, 'B', 48)
	for _, word := range []uint64{5, 7, 11, 6, 8, 12} {
		data = binary.LittleEndian.AppendUint64(data, word)
	}
	data = append(data, 'E', 2)
	// Other subtasks may have packed theirs.
	all := memory.NewTables[uint64, int64]()
	packed := taken(t, all, "packed", all.New(), &statetest.Kept{})
	restored := false
	if err := memory.NewTables[uint64, int64]().Restore(behind{pieceOf{statetest.Restored{Parallelism: 1}, data}, packed.Pieces()[0].Data}, func(name string, table state.Table[uint64, int64]) error {
		restored = true
		k := []uint64{7, 8}
		a, b := table.Get(&k[0], 5), table.Get(&k[1], 6)
		if name != "a table" || table.Len() != 2 || a == nil || *a != 11 || b == nil || *b != 12 {
			t.Errorf("%q with %d entries, %v %v", name, table.Len(), a, b)
		}
		return nil
	}); err != nil || !restored {
		t.Error(err, restored)
	}
}

// behind restores a piece behind another one.
type behind struct {
	pieceOf
	first []byte
}

func (p behind) Keyed(name string, f func(io.Reader) error) error {
	if err := f(bytes.NewReader(p.first)); err != nil {
		return err
	}
	return p.pieceOf.Keyed(name, f)
}
