package pebble_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/pebble"
	"github.com/affluxdev/afflux/state/statetest"
)

// disks opens a store of bytes for each table or backend, and checks in the end
// that nothing is left of them.
func disks(t *testing.T) func(t testing.TB) state.KV {
	dir := t.TempDir()
	d, err := pebble.In(dir, pebble.MinMemory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left, like %v (%v)", len(left), left, err)
		}
	})
	return func(t testing.TB) state.KV {
		kv, err := d.Open("op", 0)
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
}

func TestSnapshots(t *testing.T) {
	open := disks(t)
	statetest.RunSnapshots(t, statetest.Snapshots[string, []int64]{
		New: func(t testing.TB) state.Tables[string, []int64] {
			all, err := paged.NewTables[string, []int64](open(t), 10_000, func(err error) any { return err })
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
		Key:   func(i int) string { return fmt.Sprint(i) },
		Write: func(s *[]int64, v int64) { *s = append((*s)[:0], v, v) },
		Read: func(s *[]int64) int64 {
			if len(*s) == 0 {
				return 0
			}
			return (*s)[1]
		},
	})
}

func TestBackendSnapshots(t *testing.T) {
	open := disks(t)
	statetest.RunBackendSnapshots(t, statetest.Backends[string]{
		New: func(t testing.TB) state.Backend[string] {
			b, err := paged.NewBackend[string](open(t), 0)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Key: func(i int) string { return fmt.Sprint(i) },
	})
}
