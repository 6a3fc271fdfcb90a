package memory_test

import (
	"fmt"
	"io"
	"maps"
	"testing"

	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

// oneOf is a snapshot of tables with a few keys.
func oneOf[K comparable, S any](f *testing.F, key func(int) K, write func(*S, int64)) []byte {
	all := memory.NewTables[K, S]()
	table := all.New()
	for i := range 20 {
		write(one(table, key(i)), int64(i+1))
	}
	kept := &statetest.Kept{}
	if err := all.Snapshot(kept, maps.All(named(table))); err != nil {
		f.Fatal(err)
	}
	if err := kept.Write(); err != nil {
		f.Fatal(err)
	}
	return kept.Pieces()[0].Data
}

// pieceOf restores from the same bytes whatever is asked for.
type pieceOf struct {
	statetest.Restored
	data []byte
}

func (p pieceOf) Keyed(_ string, f func(io.Reader) error) error { return f(&p) }

func (p *pieceOf) Read(to []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.data)
	p.data = p.data[n:]
	return n, nil
}

// FuzzRestore restores anything: that must end, by an error or not.
func FuzzRestore(f *testing.F) {
	f.Add(oneOf(f, func(i int) string { return stringKey(i) }, writeLinked))
	f.Add(oneOf(f, func(i int) uint64 { return uint64(i) }, writeCount))
	b := memory.NewBackend[uint64]()
	n := state.NewValue[string](b.Store(), "n")
	if err := b.Store().Seal(); err != nil {
		f.Fatal(err)
	}
	keys, hashes, slots := []uint64{1, 2, 3}, []uint64{1, 2, 3}, make([]uint32, 3)
	if err := b.Select(keys, hashes, slots); err != nil {
		f.Fatal(err)
	}
	for i, slot := range slots {
		b.Store().Use(slot)
		n.Set(fmt.Sprint(i))
	}
	kept := &statetest.Kept{}
	if err := b.Snapshot(kept); err != nil {
		f.Fatal(err)
	}
	if err := kept.Write(); err != nil {
		f.Fatal(err)
	}
	f.Add(kept.Pieces()[0].Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := pieceOf{statetest.Restored{Parallelism: 1}, data}
		_ = memory.NewTables[string, linked]().Restore(r, func(_ string, table state.Table[string, linked]) error {
			walked := 0
			table.Range(0, func(hash uint64, key string, _ *linked) bool {
				if walked++; table.Get(&key, hash) == nil {
					t.Errorf("key %q is lost", key)
				}
				return true
			})
			if walked != table.Len() {
				t.Errorf("%d keys of %d", walked, table.Len())
			}
			return nil
		})
		_ = memory.NewTables[uint64, count]().Restore(r, func(string, state.Table[uint64, count]) error { return nil })
		b := memory.NewBackend[uint64]()
		state.NewValue[string](b.Store(), "n")
		if err := b.Store().Seal(); err != nil {
			t.Fatal(err)
		}
		_ = b.Restore(r)
	})
}
