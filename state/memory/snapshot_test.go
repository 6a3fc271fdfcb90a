package memory_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/codec"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

func inTables[K comparable, S any](testing.TB) state.Tables[K, S] { return memory.NewTables[K, S]() }

// inFiles makes tables that have files of their own, all but small ones.
func inFiles[K comparable, S any](testing.TB) state.Tables[K, S] {
	return memory.NewTablesApart[K, S](1000)
}

// linked is a state that points to much of what it holds.
type linked struct {
	byName map[string]int64
	list   []int64
	next   *linked
}

func writeLinked(s *linked, v int64) {
	if s.byName == nil {
		s.byName, s.next = map[string]int64{}, &linked{}
	}
	s.byName["v"] = v
	s.list = append(s.list[:0], v, v)
	s.next.list = append(s.next.list, v)
}

func readLinked(s *linked) int64 {
	v := s.byName["v"]
	if v != 0 && (!slices.Equal(s.list, []int64{v, v}) || s.next.list[len(s.next.list)-1] != v) {
		return -1
	}
	return v
}

func TestSnapshots(t *testing.T) {
	t.Run("int", func(t *testing.T) {
		snapshotsOf(t, "together", func(i int) uint64 { return uint64(i) }, writeCount, readCount)
	})
	t.Run("string", func(t *testing.T) { snapshotsOf(t, "in files", stringKey, writeCount, readCount) })
	t.Run("long string", func(t *testing.T) {
		snapshotsOf(t, "together", func(i int) city { return city(strings.Repeat("x", i%40) + fmt.Sprint(i)) }, writeCount, readCount)
	})
	t.Run("struct", func(t *testing.T) {
		snapshotsOf(t, "in files", func(i int) place { return place{City: city(fmt.Sprint(i / 7)), Zone: int32(i % 7)} }, writeCount, readCount)
	})
	t.Run("int, linked", func(t *testing.T) {
		snapshotsOf(t, "together", func(i int) int32 { return int32(i) }, writeLinked, readLinked)
	})
	t.Run("string, linked", func(t *testing.T) { snapshotsOf(t, "in files", long, writeLinked, readLinked) })
}

// snapshotsOf checks snapshots of tables together and of tables in files; with -short
// those of brief.
func snapshotsOf[K comparable, S any](t *testing.T, brief string, key func(int) K, write func(*S, int64), read func(*S) int64) {
	for name, tables := range map[string]func(testing.TB) state.Tables[K, S]{"together": inTables[K, S], "in files": inFiles[K, S]} {
		if testing.Short() && name != brief {
			continue
		}
		t.Run(name, func(t *testing.T) {
			statetest.RunSnapshots(t, statetest.Snapshots[K, S]{New: tables, Key: key, Write: write, Read: read})
		})
	}
}

func TestBackendSnapshots(t *testing.T) {
	t.Run("int", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[int]{New: inMemory[int], Key: func(i int) int { return i }})
	})
	t.Run("string", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[string]{New: inMemory[string], Key: stringKey})
	})
	t.Run("struct", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[place]{New: inMemory[place], Key: func(i int) place {
			return place{City: city(stringKey(i / 7)), Zone: int32(i % 7)}
		}})
	})
}

// captures are what a snapshot was given.
type captures struct {
	statetest.Kept
	list []state.Capture
}

func (c *captures) Keyed(_ string, capture state.Capture) { c.list = append(c.list, capture) }

func (c *captures) Unchanging(_, _ string, capture state.Capture) { c.list = append(c.list, capture) }

func (c *captures) write(w io.Writer) error {
	for _, c := range c.list {
		err := c.Write(w)
		c.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// named is one table by its name.
func named[K comparable, S any](t state.Table[K, S]) map[string]state.Table[K, S] {
	return map[string]state.Table[K, S]{"t": t}
}

// releasing releases captures when something is written.
type releasing struct {
	*captures
	n int
}

func (r *releasing) Write(p []byte) (int, error) {
	if r.n++; r.n == 1 {
		for _, c := range r.list {
			c.Release()
		}
	}
	return len(p), nil
}

func TestReleaseEndsWrite(t *testing.T) {
	all := memory.NewTables[uint64, count]()
	table := all.New()
	fill(table, 100_000, func(i int) uint64 { return uint64(i) })
	b := memory.NewBackend[uint64]()
	n := state.NewValue[int64](b.Store(), "n")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	keys, hashes, slots := []uint64{1}, []uint64{1}, []uint32{0}
	use := func() {
		if err := b.Select(keys, hashes, slots); err != nil {
			t.Fatal(err)
		}
		b.Store().Use(slots[0])
		*n.Upsert()++
		if err := b.Settle(keys, hashes, slots); err != nil {
			t.Fatal(err)
		}
	}
	use()
	for _, snapshot := range []func(state.Snapshot) error{
		func(s state.Snapshot) error { return all.Snapshot(s, maps.All(named(table))) }, b.Snapshot,
	} {
		c := &captures{}
		if err := snapshot(c); err != nil {
			t.Fatal(err)
		}
		w := &releasing{captures: c}
		if err := c.list[0].Write(w); err == nil || w.n > 10 {
			t.Errorf("Write went on after Release: %v, %d calls", err, w.n)
		}
		if err := c.list[0].Write(w); err == nil {
			t.Error("a released capture was written")
		}
	}
	one(table, 5).n++
	use()
	if a := testing.AllocsPerRun(100, func() { use(); table.Get(&keys[0], 1) }); a != 0 {
		t.Errorf("%v allocations after a snapshot that was given up", a)
	}
}

func TestTablesOfOtherTypes(t *testing.T) {
	type before struct {
		N    int32
		Gone string
	}
	type after struct {
		New []string
		N   int64
	}
	all := memory.NewTables[uint64, before]()
	table := all.New()
	*one(table, 7) = before{N: 3, Gone: "x"}
	kept := &statetest.Kept{}
	if err := errors.Join(all.Snapshot(kept, maps.All(named(table))), kept.Write()); err != nil {
		t.Fatal(err)
	}
	from := statetest.Restored{Parallelism: 1, From: []*statetest.Kept{kept}}
	if err := memory.NewTables[uint64, after]().Restore(from, func(_ string, restored state.Table[uint64, after]) error {
		if got := one(restored, 7); got.N != 3 || got.New != nil || restored.Len() != 1 {
			t.Errorf("restored %v", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	refused := func(string, state.Table[uint32, before]) error { return nil }
	if err := memory.NewTables[uint32, before]().Restore(from, refused); err == nil || !strings.Contains(err.Error(), "uint32") {
		t.Errorf("keys of another type were restored: %v", err)
	}
	kept.Pieces()[0].Data[0] = 'P'
	if err := all.Restore(from, nil); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("states of a disk were restored: %v", err)
	}
}

func TestStatesThatCannotBeStored(t *testing.T) {
	type odd struct{ F func() }
	functions := memory.NewTables[int, odd]()
	if err := functions.Snapshot(&statetest.Kept{}, maps.All(named(functions.New()))); err == nil || !strings.Contains(err.Error(), "odd.F") {
		t.Errorf("the error does not name the field: %v", err)
	}
	values := memory.NewTables[int, any]()
	table := values.New()
	*one(table, 1) = &odd{}
	for _, touch := range []bool{false, true} {
		kept := &statetest.Kept{}
		if err := values.Snapshot(kept, maps.All(named(table))); err != nil {
			t.Fatal(err)
		}
		if touch {
			*one(table, 1) = 5
		}
		if err := kept.Write(); err == nil || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("the error does not name the table: %v", err)
		}
	}
}

// broken is a codec that fails for some values, one way or the other.
type broken struct{ codec.Codec[int64] }

func (c broken) Append(dst []byte, v *int64) ([]byte, error) {
	switch *v {
	case 13:
		return dst, errors.New("13 is refused")
	case 14:
		panic("14")
	}
	return c.Codec.Append(dst, v)
}

func TestCodecsThatFail(t *testing.T) {
	for _, bad := range []int64{13, 14} {
		for _, touch := range []bool{false, true} {
			b := memory.NewBackend[int]()
			n := state.NewValue[int64](b.Store(), "n", state.Codec[int64](broken{codec.JSON[int64]()}))
			if err := b.Store().Seal(); err != nil {
				t.Fatal(err)
			}
			keys, hashes, slots := []int{1, 2, 3}, []uint64{1, 2, 3}, make([]uint32, 3)
			set := func(v int64) {
				if err := b.Select(keys, hashes, slots); err != nil {
					t.Fatal(err)
				}
				for _, slot := range slots {
					b.Store().Use(slot)
					n.Set(v)
				}
				if err := b.Settle(keys, hashes, slots); err != nil {
					t.Fatal(err)
				}
			}
			set(bad)
			kept := &statetest.Kept{}
			if err := b.Snapshot(kept); err != nil {
				t.Fatal(err)
			}
			if touch {
				set(1)
			}
			if err := kept.Write(); err == nil || !strings.Contains(err.Error(), `"n"`) {
				t.Errorf("the error does not name the state: %v", err)
			}
			set(2) // the task is not held up
		}
	}
}
