package pebble

import (
	"encoding/binary"
	"testing"
)

// TestRent checks when merging is due.
func TestRent(t *testing.T) {
	const size = 100 * lookCost
	var r rent
	for i, c := range []struct {
		looks, tables int
		due           bool
	}{
		{1000, 1, false}, // one table: nothing to merge
		{60, 2, false},
		{39, 2, false}, // 99 of 100
		{1, 2, true},
		{33, 4, false}, // begins anew; three tables too many
		{1, 4, true},
		{99, 2, false},
		{1000, 0, false}, // was merged by others
		{99, 2, false},
	} {
		if due := r.pay(c.looks, c.tables, size); due != c.due {
			t.Errorf("step %d: due is %v", i, due)
		}
	}
}

// openSmall opens a store with the least memory, until the test ends.
func openSmall(t *testing.T) *kv {
	t.Helper()
	d, err := In(t.TempDir(), MinMemory)
	if err != nil {
		t.Fatal(err)
	}
	store, err := d.Open("count", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store.(*kv)
}

// TestTablesAreMergedForReaders writes the same keys into several tables and then
// only reads, until the tables are merged.
func TestTablesAreMergedForReaders(t *testing.T) {
	const n, tables = 5000, 4
	k := openSmall(t)
	names := make([][]byte, n)
	for round := range tables {
		for i := range names {
			names[i] = binary.BigEndian.AppendUint32(nil, uint32(i))
			if err := k.Set(names[i], []byte{byte(i), byte(round)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.apply(); err != nil {
			t.Fatal(err)
		}
		if err := k.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	overlapping := func() (n int) {
		for _, l := range k.db.Metrics().Levels {
			n += int(l.Sublevels)
		}
		return n
	}
	if got := overlapping(); got != tables {
		t.Fatalf("%d tables cover the same keys, not %d: there is nothing to test", got, tables)
	}
	read := func() {
		found := 0
		err := k.GetSorted(names, func(i int, value []byte) error {
			if found++; value[0] != byte(i) || value[1] != tables-1 {
				t.Fatalf("key %d is %v", i, value)
			}
			return nil
		})
		if err != nil || found != n {
			t.Fatalf("%d keys were found of %d: %v", found, n, err)
		}
	}
	for looks := 0; k.tidying.merging == nil; looks += n {
		if looks > 100*tidyEvery {
			t.Fatal("nothing was merged")
		}
		read()
	}
	<-k.tidying.merging
	if got := overlapping(); got != 1 {
		t.Errorf("%d tables cover the same keys after they were merged", got)
	}
	read()
}

// TestClosedWhileTidying closes a database whose tables are about to be merged.
func TestClosedWhileTidying(t *testing.T) {
	d, err := In(t.TempDir(), MinMemory)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		store, err := d.Open("count", 0)
		if err != nil {
			t.Fatal(err)
		}
		k := store.(*kv)
		for i := range 1000 {
			if err := k.Set(binary.BigEndian.AppendUint32(nil, uint32(i)), []byte{1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.apply(); err != nil {
			t.Fatal(err)
		}
		k.tidying.merge()
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
