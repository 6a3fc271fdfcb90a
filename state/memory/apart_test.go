package memory_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

// taken is a snapshot of one table that is stored.
func taken[K comparable, S any](t testing.TB, all state.Tables[K, S], name string, table state.Table[K, S], k *statetest.Kept) *statetest.Kept {
	t.Helper()
	if err := all.Snapshot(k, maps.All(map[string]state.Table[K, S]{name: table})); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	return k
}

// countsOf is what a snapshot restores, by the names of tables.
func countsOf[K comparable](t testing.TB, k *statetest.Kept) map[string]map[K]int64 {
	t.Helper()
	got := map[string]map[K]int64{}
	err := memory.NewTables[K, count]().Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}, func(name string, table state.Table[K, count]) error {
		got[name] = countsIn(table)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func countsIn[K comparable](table state.Table[K, count]) map[K]int64 {
	all := map[K]int64{}
	table.Range(0, func(_ uint64, key K, s *count) bool { all[key] = readCount(s); return true })
	return all
}

// What each method says about whether a table has changed, and that what is
// restored is what the table holds.
func TestWhatChangesATable(t *testing.T) {
	t.Run("int", func(t *testing.T) { whatChanges(t, func(i int) uint64 { return uint64(i) }) })
	t.Run("string", func(t *testing.T) { whatChanges(t, long) })
}

func whatChanges[K comparable](t *testing.T, key func(int) K) {
	hash, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	find := func(table state.Table[K, count], i int) *count {
		k := key(i)
		return table.Get(&k, hash(&k))
	}
	put := func(table state.Table[K, count], i int, v int64) {
		k, out := key(i), make([]*count, 1)
		table.Lookup([]K{k}, []uint64{hash(&k)}, out)
		writeCount(out[0], v)
	}
	refill := func(table state.Table[K, count], v int64) {
		for i := range n {
			put(table, i, v)
		}
	}
	for name, c := range map[string]struct {
		change func(table state.Table[K, count])
		refers bool
	}{
		"nothing": {func(state.Table[K, count]) {}, true},
		"Scan": {func(table state.Table[K, count]) {
			keys, hashes, states := make([]K, 64), make([]uint64, 64), make([]*count, 64)
			for cursor := 0; cursor >= 0; {
				_, cursor = table.Scan(cursor, keys, hashes, states)
			}
		}, true},
		"sizes":                  {func(table state.Table[K, count]) { table.Expect(table.Len() + int(table.Bytes())) }, true},
		"Get that finds nothing": {func(table state.Table[K, count]) { find(table, n) }, true},
		"Delete of nothing":      {func(table state.Table[K, count]) { k := key(n); table.Delete(&k, hash(&k)) }, true},
		"Lookup":                 {func(table state.Table[K, count]) { put(table, 7, 1000) }, false},
		"Lookup of a new key":    {func(table state.Table[K, count]) { put(table, n, 1000) }, false},
		"Get":                    {func(table state.Table[K, count]) { writeCount(find(table, 7), 1000) }, false},
		"Delete":                 {func(table state.Table[K, count]) { k := key(7); table.Delete(&k, hash(&k)) }, false},
		"Range": {func(table state.Table[K, count]) {
			table.Range(0, func(_ uint64, _ K, s *count) bool { writeCount(s, 1000); return false })
		}, false},
		"Clear": {func(table state.Table[K, count]) { table.Clear() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			all := memory.NewTablesApart[K, count](0)
			table := all.New()
			refill(table, 1)
			first := taken(t, all, "t", table, &statetest.Kept{})
			for round := range 3 { // what has changed once may stay as it is from then on
				if round == 0 || c.refers {
					c.change(table)
				}
				second := taken(t, all, "t", table, &statetest.Kept{Earlier: first})
				if got, want := second.Referred() == 1, c.refers || round > 0; got != want {
					t.Errorf("round %d: it refers to the earlier one: %v, want %v", round, got, want)
				}
				restored := countsOf[K](t, second)["t"]
				if want := countsCopied(t, all, table, hash); !maps.Equal(restored, want) {
					t.Errorf("round %d: restored %d keys, want %d", round, len(restored), len(want))
				}
				first = second
			}
		})
	}
}

// TestLatestChangesAreWrittenFirst, since what is changed before it is written has to
// be saved.
func TestLatestChangesAreWrittenFirst(t *testing.T) {
	all := memory.NewTablesApart[uint64, count](0)
	tables := map[string]state.Table[uint64, count]{}
	put := func(name string) {
		table := tables[name]
		if table == nil {
			table = all.New()
			tables[name] = table
		}
		for i := range uint64(3) {
			out := make([]*count, 1)
			table.Lookup([]uint64{i}, []uint64{i + 1}, out)
			writeCount(out[0], int64(i)+1)
		}
	}
	for _, c := range []struct{ change, want string }{{"abc", "cba"}, {"a", "acb"}, {"", "acb"}, {"bc", "cba"}} {
		for _, name := range c.change {
			put(string(name))
		}
		if n, next := tables["b"].Scan(0, make([]uint64, 8), make([]uint64, 8), make([]*count, 8)); n != 3 || next >= 0 {
			t.Fatal("it was not scanned")
		}
		order := ""
		kept := &captured{each: func(c state.Capture) {
			one := &statetest.Kept{}
			one.Keyed("tables", c)
			if err := one.Write(); err != nil {
				t.Fatal(err)
			}
			for name := range countsOf[uint64](t, one) {
				order += name
			}
		}}
		if err := all.Snapshot(kept, maps.All(tables)); err != nil {
			t.Fatal(err)
		}
		if order != c.want {
			t.Errorf("after changes of %q they are in the order %q, want %q", c.change, order, c.want)
		}
	}
}

// captured calls each for the files of its own that a snapshot has.
type captured struct {
	statetest.Kept
	each func(state.Capture)
}

func (c *captured) Unchanging(_, _ string, k state.Capture) { c.each(k) }

// countsCopied is countsIn by Scan, which leaves the table unchanged.
func countsCopied[K comparable](t *testing.T, all state.Tables[K, count], table state.Table[K, count], hash func(*K) uint64) map[K]int64 {
	t.Helper()
	copied := all.New()
	keys, hashes, states, out := make([]K, 64), make([]uint64, 64), make([]*count, 64), make([]*count, 64)
	for cursor := 0; cursor >= 0; {
		var n int
		n, cursor = table.Scan(cursor, keys, hashes, states)
		copied.Lookup(keys[:n], hashes[:n], out[:n])
		for i := range n {
			*out[i] = *states[i]
		}
	}
	return countsIn(copied)
}

// A table that is cleared and used again for something else is another one, also
// if it was too small for a file at a snapshot between.
func TestTableThatIsUsedAgain(t *testing.T) {
	all := memory.NewTablesApart[uint64, count](1000)
	table := all.New()
	set := func(n int, v int64) {
		for i := range uint64(n) {
			writeCount(one(table, i), v)
		}
	}
	set(100, 1)
	first := taken(t, all, "t", table, &statetest.Kept{})
	table.Clear()
	set(10, 2)
	small := taken(t, all, "t", table, &statetest.Kept{Earlier: first})
	set(100, 3)
	for _, earlier := range []*statetest.Kept{small, first} {
		k := taken(t, all, "t", table, &statetest.Kept{Earlier: earlier})
		if got := countsOf[uint64](t, k)["t"]; len(got) != 100 || got[5] != 3 || k.Referred() != 0 {
			t.Errorf("restored %d keys with %d, and refers to %d files", len(got), got[5], k.Referred())
		}
	}
	other := all.New()
	for i := range uint64(100) {
		writeCount(one(other, i), 4)
	}
	k := taken(t, all, "t", other, &statetest.Kept{Earlier: first})
	if got := countsOf[uint64](t, k)["t"]; got[5] != 4 {
		t.Errorf("restored %d of another table", got[5])
	}
}

// The names of tables change while what they hold does not.
func TestTableWithAnotherName(t *testing.T) {
	all := memory.NewTablesApart[uint64, count](0)
	table := all.New()
	writeCount(one(table, 1), 5)
	first := taken(t, all, "before", table, &statetest.Kept{})
	second := taken(t, all, "after", table, &statetest.Kept{Earlier: first})
	if got := countsOf[uint64](t, second); second.Referred() != 1 || len(got) != 1 || got["after"][1] != 5 {
		t.Errorf("refers to %d files, restored %v", second.Referred(), got)
	}
	saved := taken(t, all, "after", table, &statetest.Kept{Earlier: second, ForSavepoint: true})
	if got := countsOf[uint64](t, saved); saved.Referred() != 0 || got["after"][1] != 5 {
		t.Errorf("a savepoint refers to %d files, restored %v", saved.Referred(), got)
	}
}

// Only what is large has a file: snapshots of small tables are as they were.
func TestSmallTablesAreTogether(t *testing.T) {
	all := memory.NewTables[uint64, count]()
	small, large := all.New(), all.New()
	fill(small, 1000, func(i int) uint64 { return uint64(i) })
	fill(large, 40_000, func(i int) uint64 { return uint64(i) })
	for _, c := range []struct {
		tables  map[string]state.Table[uint64, count]
		want    []string
		version byte
	}{
		{map[string]state.Table[uint64, count]{"small": small}, []string{"tables"}, 2},
		{map[string]state.Table[uint64, count]{"small": small, "large": large}, []string{"tables", "tables", "table"}, 3},
	} {
		k := &statetest.Kept{}
		if err := all.Snapshot(k, maps.All(c.tables)); err != nil {
			t.Fatal(err)
		}
		if err := k.Write(); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range k.Pieces() {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Fatalf("pieces %q, want %q", names, c.want)
		}
		// An older program must not take what it knows for all.
		if p := k.Pieces()[len(c.want)/2]; p.Data[0] != 'M' || p.Data[1] != c.version {
			t.Errorf("the piece begins with %q", p.Data[:2])
		}
	}
}

// A table is the task's alone again when its file is referred to, or the snapshot
// given up.
func TestReferredTablesAreReleased(t *testing.T) {
	all := memory.NewTablesApart[uint64, count](0)
	table := all.New()
	fill(table, 10_000, func(i int) uint64 { return uint64(i) })
	first := taken(t, all, "t", table, &statetest.Kept{})
	taken(t, all, "t", table, &statetest.Kept{Earlier: first})
	const others = 3 // allocations that Go makes for itself meanwhile, at most
	var key uint64
	changing := func() float64 {
		warm := true // the first call is not counted, and would save all that there is to save
		return testing.AllocsPerRun(1, func() {
			for key = 0; key < 10_000 && !warm; key++ {
				table.Get(&key, event.HashUint64(key)).n++
			}
			warm = false
		})
	}
	if a := changing(); a > others {
		t.Errorf("%v allocations after a snapshot that refers to another", a)
	}
	kept := &statetest.Kept{}
	if err := all.Snapshot(kept, maps.All(named(table))); err != nil {
		t.Fatal(err)
	}
	if a := changing(); a < 10 {
		t.Errorf("%v allocations while a snapshot is not written", a)
	}
	kept.Drop()
	dropped := &statetest.Kept{Earlier: first}
	if err := all.Snapshot(dropped, maps.All(named(table))); err != nil {
		t.Fatal(err)
	}
	dropped.Drop()
	if a := changing(); a > others {
		t.Errorf("%v allocations after a snapshot that was given up", a)
	}
}

// What is missing is told, and what is there twice.
func TestDamagedFilesOfTables(t *testing.T) {
	all := memory.NewTablesApart[uint64, count](0)
	tables := map[string]state.Table[uint64, count]{"a": all.New(), "b": all.New()}
	for i, name := range []string{"a", "b"} {
		fill(tables[name], 100+i, func(i int) uint64 { return uint64(i) })
	}
	kept := &statetest.Kept{}
	if err := all.Snapshot(kept, maps.All(tables)); err != nil {
		t.Fatal(err)
	}
	if err := kept.Write(); err != nil {
		t.Fatal(err)
	}
	list, keyed, file, other := 0, 1, 2, 3
	for name, c := range map[string]struct {
		damage func(p []*statetest.Piece)
		want   string
	}{
		"no list":              {func(p []*statetest.Piece) { p[list].Name = "gone" }, "2 tables have files of their own, and 0 are listed"},
		"a shorter list":       {func(p []*statetest.Piece) { p[list].Data = append([]byte{1}, p[list].Data[1:5]...) }, "2 tables have files"},
		"a longer list":        {func(p []*statetest.Piece) { p[list].Data = append(p[list].Data, 0) }, "the list of tables"},
		"a file twice":         {func(p []*statetest.Piece) { p[list].Data = []byte{2, 1, 'a', 1, '1', 1, 'b', 1, '1'} }, "the list of tables"},
		"no file":              {func(p []*statetest.Piece) { p[file].Name = "gone" }, "is missing"},
		"another file":         {func(p []*statetest.Piece) { p[file].ID = "77" }, "is no table's"},
		"no table in a file":   {func(p []*statetest.Piece) { p[file].Data = memoryPiece(t) }, "damaged"},
		"two tables in one":    {func(p []*statetest.Piece) { p[file].Data = memoryPiece(t, "a", "b") }, "damaged"},
		"a piece of another":   {func(p []*statetest.Piece) { p[file].Data = p[keyed].Data }, "damaged"},
		"behind the end":       {func(p []*statetest.Piece) { p[other].Data = append(p[other].Data, 0) }, "something follows the end"},
		"an end too early":     {func(p []*statetest.Piece) { p[other].Data = p[other].Data[:len(p[other].Data)-1] }, "ends too early"},
		"a mark of a disk":     {func(p []*statetest.Piece) { p[other].Data[0] = 'P' }, "on disk"},
		"a format of tomorrow": {func(p []*statetest.Piece) { p[keyed].Data[1] = 4 }, "this program reads 1 to 3"},
	} {
		t.Run(name, func(t *testing.T) {
			k := kept.Copy()
			c.damage(k.Pieces())
			err := memory.NewTables[uint64, count]().Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}},
				func(string, state.Table[uint64, count]) error { return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

// memoryPiece is a piece of tables with one key each.
func memoryPiece(t testing.TB, names ...string) []byte {
	t.Helper()
	all := memory.NewTables[uint64, count]()
	tables := map[string]state.Table[uint64, count]{}
	for _, name := range names {
		tables[name] = all.New()
		writeCount(one(tables[name], 1), 1)
	}
	k := &statetest.Kept{}
	if err := all.Snapshot(k, maps.All(tables)); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	return k.Pieces()[0].Data
}

// filedPiece restores tables of which one has a file.
type filedPiece struct {
	statetest.Restored
	keyed, list, file []byte
}

func (p filedPiece) Keyed(_ string, f func(io.Reader) error) error {
	return f(strings.NewReader(string(p.keyed)))
}

func (p filedPiece) Blobs(_ string, f func(int, []byte) error) error { return f(0, p.list) }

func (p filedPiece) Files(_ string, f func(int, string, io.Reader) error) error {
	return f(0, "1", strings.NewReader(string(p.file)))
}

// FuzzRestoreFile restores any list of tables and any file: that must end, by an
// error or not.
func FuzzRestoreFile(f *testing.F) {
	all := memory.NewTablesApart[uint64, count](0)
	table := all.New()
	fill(table, 100, func(i int) uint64 { return uint64(i) })
	k := taken(f, all, "t", table, &statetest.Kept{})
	list, keyed, file := k.Pieces()[0].Data, k.Pieces()[1].Data, k.Pieces()[2].Data
	f.Add(list, file)
	f.Add(list, keyed)
	f.Fuzz(func(t *testing.T, list, file []byte) {
		_ = memory.NewTables[uint64, count]().Restore(filedPiece{statetest.Restored{Parallelism: 1}, keyed, list, file},
			func(_ string, table state.Table[uint64, count]) error {
				if got := len(countsIn(table)); got != table.Len() || got == 0 {
					t.Errorf("%d keys of %d", got, table.Len())
				}
				return nil
			})
	})
}
