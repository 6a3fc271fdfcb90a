package paged_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

// filedKV is a KV in a map whose contents are files of some rows each.
type filedKV struct {
	*mapKV
	cut  int  // no file is much longer than so many bytes
	used bool // files are the contents
}

func newFiledKV() *filedKV { return &filedKV{mapKV: newMapKV(), cut: 1000} }

// mapFiles are the rows of a filedKV at one moment.
type mapFiles struct {
	m    *mapKV
	list []state.KVFile
}

func (kv *filedKV) Files() (state.KVFiles, error) {
	f := &mapFiles{m: &mapKV{m: maps.Clone(kv.m)}}
	var data []byte
	add := func() {
		own := bytes.Clone(data)
		f.list = append(f.list, state.KVFile{
			ID:   fmt.Sprintf("%d/%d/%x/%p", len(f.list), len(own), xxh3.Hash(own), kv),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(own)), nil },
		})
		data = data[:0]
	}
	for _, k := range slices.Sorted(maps.Keys(kv.m)) {
		for _, s := range []string{k, kv.m[k]} {
			data = append(binary.AppendUvarint(data, uint64(len(s))), s...)
		}
		if len(data) > kv.cut {
			add()
		}
	}
	add()
	return f, kv.broken
}

func (f *mapFiles) List() []state.KVFile          { return f.list }
func (f *mapFiles) Read() (state.KVReader, error) { return f.m, nil }
func (f *mapFiles) Release() error                { f.m = nil; return nil }

type mapImport struct {
	kv *filedKV
	m  *mapKV
}

func (kv *filedKV) Import() (state.KVImport, error) { return &mapImport{kv, newMapKV()}, nil }

func (i *mapImport) Add(id string, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var size int
	if _, err := fmt.Sscanf(id[strings.Index(id, "/")+1:], "%d", &size); err != nil || size != len(data) {
		return errors.New("a file has another size")
	}
	for len(data) > 0 {
		var row [2]string
		for j := range row {
			n, w := binary.Uvarint(data)
			if w <= 0 || n > uint64(len(data)-w) {
				return errors.New("a file is damaged")
			}
			row[j], data = string(data[w:w+int(n)]), data[w+int(n):]
		}
		i.m.m[row[0]] = row[1]
	}
	return nil
}

func (i *mapImport) Use() error                    { i.kv.mapKV, i.kv.used = i.m, true; return nil }
func (i *mapImport) Read() (state.KVReader, error) { return i.m, nil }
func (i *mapImport) Close() error                  { return nil }

func TestSnapshots(t *testing.T) {
	for name, c := range map[string]struct {
		kv     func() state.KV
		budget int64
	}{
		"rows, nothing fits":     {func() state.KV { return newMapKV() }, 0},
		"files, some fit":        {func() state.KV { return newFiledKV() }, 20_000},
		"files, everything fits": {func() state.KV { return newFiledKV() }, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			statetest.RunSnapshots(t, statetest.Snapshots[string, diary]{
				New:   func(t testing.TB) state.Tables[string, diary] { return openTables[string, diary](t, c.kv(), c.budget) },
				Key:   func(i int) string { return fmt.Sprint(i) },
				Write: writeDiary, Read: readDiary,
			})
		})
		t.Run(name+", backend", func(t *testing.T) {
			statetest.RunBackendSnapshots(t, statetest.Backends[place]{
				New: func(t testing.TB) state.Backend[place] { return open[place](t, c.kv(), c.budget) },
				Key: func(i int) place { return place{fmt.Sprint(i / 7), int32(i % 7)} },
			})
		})
	}
}

// laterDiary is a later version of diary.
type laterDiary struct {
	pages []laterPage
	mood  string
	n     int64
	next  *laterDiary
}

type laterPage struct{ n int64 }

// States of another version are converted, whether or not they could be used as
// they are.
func TestStatesOfAnotherVersion(t *testing.T) {
	for name, c := range map[string]struct{ from, to state.KV }{
		"rows": {newMapKV(), newMapKV()}, "files": {newFiledKV(), newFiledKV()}, "rows to files": {newMapKV(), newFiledKV()},
	} {
		t.Run(name, func(t *testing.T) {
			old := openTables[int, diary](t, c.from, 0)
			table, states := old.New(), make([]*diary, 100)
			keys, hashes := numbered(len(states))
			table.Lookup(keys, hashes, states)
			for i, s := range states {
				writeDiary(s, int64(i))
			}
			k := &statetest.Kept{}
			if err := old.Snapshot(k, maps.All(map[string]state.Table[int, diary]{"t": table})); err != nil {
				t.Fatal(err)
			}
			if err := k.Write(); err != nil {
				t.Fatal(err)
			}
			r := statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}
			var got state.Table[int, laterDiary]
			err := openTables[int, laterDiary](t, c.to, 0).Restore(r, func(_ string, t state.Table[int, laterDiary]) error { got = t; return nil })
			if err != nil || got.Len() != len(keys) {
				t.Fatalf("%d of %d keys (%v)", got.Len(), len(keys), err)
			}
			for i := range keys {
				s := got.Get(&keys[i], hashes[i])
				if s == nil || s.n != int64(i) || s.mood != "" || (s.next != nil) != (i%3 == 0) || len(s.pages) != 2 || s.pages[1].n != -int64(i) {
					t.Fatalf("the state of key %d is %+v", i, s)
				}
			}
			for what, restore := range map[string]func() error{
				"n was stored as int64": func() error {
					return openTables[int, struct{ n int8 }](t, newFiledKV(), 0).Restore(r, nil)
				},
				"keys cannot change": func() error { return openTables[int32, diary](t, newFiledKV(), 0).Restore(r, nil) },
			} {
				if err := restore(); err == nil || !strings.Contains(err.Error(), what) {
					t.Errorf("got error %v, want one with %q", err, what)
				}
			}
		})
	}
}

// Files are for stores of the same kind; a savepoint is for all.
func TestSnapshotForAnotherStore(t *testing.T) {
	b := open[int](t, newFiledKV(), 0)
	v := state.NewValue[int](b.Store(), "v")
	set(t, b, v, 0, 100)
	for _, savepoint := range []bool{false, true} {
		k := &statetest.Kept{ForSavepoint: savepoint}
		if err := b.Snapshot(k); err != nil {
			t.Fatal(err)
		}
		if err := k.Write(); err != nil {
			t.Fatal(err)
		}
		c := open[int](t, newMapKV(), 0)
		state.NewValue[int](c.Store(), "v")
		if err := c.Store().Seal(); err != nil {
			t.Fatal(err)
		}
		err := c.Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}})
		if savepoint && (err != nil || c.Len() != 100) || !savepoint && (err == nil || !strings.Contains(err.Error(), "files of another store")) {
			t.Errorf("savepoint %v: %d keys, error %v", savepoint, c.Len(), err)
		}
	}
}

func numbered(n int) (keys []int, hashes []uint64) {
	for i := range n {
		keys, hashes = append(keys, i), append(hashes, event.HashUint64(uint64(i)))
	}
	return keys, hashes
}

// set sets the values of keys.
func set(t *testing.T, b state.Backend[int], v *state.Value[int], from, n int) {
	t.Helper()
	keys, hashes := numbered(from + n)
	keys, hashes = keys[from:], hashes[from:]
	slots := make([]uint32, n)
	if err := b.Select(keys, hashes, slots); err != nil {
		t.Fatal(err)
	}
	for i, s := range slots {
		b.Store().Use(s)
		v.Set(keys[i])
	}
	if err := b.Settle(keys, hashes, slots); err != nil {
		t.Fatal(err)
	}
}

// What was in memory is not taken for nothing, nor what is on disk.
func TestSnapshotInMemory(t *testing.T) {
	for _, c := range []struct {
		from, to state.Tables[int, int64]
		want     string
	}{
		{memory.NewTables[int, int64](), openTables[int, int64](t, newFiledKV(), 0), "were stored in memory"},
		{openTables[int, int64](t, newFiledKV(), 0), memory.NewTables[int, int64](), "were stored on disk"},
	} {
		table := c.from.New()
		keys, hashes := numbered(3)
		table.Lookup(keys, hashes, make([]*int64, 3))
		k := &statetest.Kept{}
		if err := c.from.Snapshot(k, maps.All(map[string]state.Table[int, int64]{"t": table})); err != nil {
			t.Fatal(err)
		}
		if err := k.Write(); err != nil {
			t.Fatal(err)
		}
		if err := c.to.Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
	}
}

// A table that was made before others were restored, and not used, keeps no
// files from being used as they are.
func TestRestoreBesideEmptyTable(t *testing.T) {
	old := openTables[int, int64](t, newFiledKV(), 0)
	table := old.New()
	keys, hashes := numbered(100)
	states := make([]*int64, len(keys))
	table.Lookup(keys, hashes, states)
	for i, s := range states {
		*s = int64(i) + 1
	}
	k := &statetest.Kept{}
	if err := old.Snapshot(k, maps.All(map[string]state.Table[int, int64]{"t": table})); err != nil {
		t.Fatal(err)
	}
	if err := k.Write(); err != nil {
		t.Fatal(err)
	}
	kv := newFiledKV()
	all := openTables[int, int64](t, kv, 0)
	early := all.New()
	var got state.Table[int, int64]
	err := all.Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}, func(_ string, t state.Table[int, int64]) error { got = t; return nil })
	if err != nil || got.Len() != len(keys) || !kv.used {
		t.Fatalf("%d keys, files used: %v (%v)", got.Len(), kv.used, err)
	}
	early.Lookup(keys, hashes, states)
	for _, s := range states {
		*s = -1
	}
	for i := range keys {
		if s := got.Get(&keys[i], hashes[i]); s == nil || *s != int64(i)+1 {
			t.Fatalf("the state of key %d is %v", i, s)
		}
	}
}
