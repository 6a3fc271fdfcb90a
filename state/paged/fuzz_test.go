package paged_test

import (
	"maps"
	"runtime"
	"testing"

	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/statetest"
)

// FuzzRestore restores tables from bytes that nobody has written.
func FuzzRestore(f *testing.F) {
	keep := func(kv state.KV, savepoint bool) *statetest.Kept {
		all := openTables[int, diary](f, kv, 0)
		table, states := all.New(), make([]*diary, 5)
		keys, hashes := numbered(len(states))
		table.Lookup(keys, hashes, states)
		for i, s := range states {
			writeDiary(s, int64(i))
		}
		k := &statetest.Kept{ForSavepoint: savepoint}
		if err := all.Snapshot(k, maps.All(map[string]state.Table[int, diary]{"t": table})); err != nil {
			f.Fatal(err)
		}
		if err := k.Write(); err != nil {
			f.Fatal(err)
		}
		return k
	}
	kept := []*statetest.Kept{keep(newMapKV(), false), keep(newFiledKV(), false), keep(newFiledKV(), true)}
	for i, k := range kept {
		f.Add(i, k.Pieces()[0].Data)
	}
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		k := kept[uint(which)%uint(len(kept))].Copy()
		k.Pieces()[0].Data = data
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var got []state.Table[int, diary]
		err := openTables[int, diary](t, newFiledKV(), 1<<20).Restore(
			statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}},
			func(_ string, table state.Table[int, diary]) error { got = append(got, table); return nil })
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+1000*len(data)); used > most {
			t.Fatalf("%d bytes were allocated for %d", used, len(data))
		}
		if err != nil {
			return
		}
		for _, table := range got {
			visit(table)
		}
	})
}

// visit reads all of a table; what is damaged unwinds with an error.
func visit(table state.Table[int, diary]) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(error); !ok {
				panic(p)
			}
			if _, ok := p.(runtime.Error); ok {
				panic(p)
			}
		}
	}()
	table.Range(0, func(uint64, int, *diary) bool { return true })
}
