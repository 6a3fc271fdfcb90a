package pebble_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
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
	few(t)
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
	few(t)
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

// few makes properties be tried on fewer cases, since each opens databases.
func few(t *testing.T) {
	f := flag.Lookup("rapid.checks")
	before := f.Value.String()
	if err := f.Value.Set("15"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(before); err != nil {
			t.Error(err)
		}
	})
}

// counts is a backend of counters.
type counts struct {
	state.Backend[uint64]
	n *state.Value[int64]
}

func newCounts(t testing.TB, kv state.KV) counts {
	b, err := paged.NewBackend[uint64](kv, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	c := counts{b, state.NewValue[int64](b.Store(), "n")}
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	return c
}

// add counts the keys [from,to).
func (c counts) add(t testing.TB, from, to uint64) {
	const batch = 256
	ks, hs, slots := make([]uint64, 0, batch), make([]uint64, 0, batch), make([]uint32, batch)
	for from < to {
		ks, hs = ks[:0], hs[:0]
		for ; from < to && len(ks) < batch; from++ {
			ks, hs = append(ks, from), append(hs, event.HashUint64(from))
		}
		if err := c.Select(ks, hs, slots[:len(ks)]); err != nil {
			t.Fatal(err)
		}
		for _, s := range slots[:len(ks)] {
			c.Store().Use(s)
			*c.n.Upsert()++
		}
		if err := c.Settle(ks, hs, slots[:len(ks)]); err != nil {
			t.Fatal(err)
		}
	}
}

// check makes sure that the keys [from,to) have a count.
func (c counts) check(t testing.TB, from, to uint64, want int64) {
	t.Helper()
	for k := from; k < to; k++ {
		slots := []uint32{0}
		if err := c.Select([]uint64{k}, []uint64{event.HashUint64(k)}, slots); err != nil {
			t.Fatal(err)
		}
		c.Store().Use(slots[0])
		if n, _ := c.n.Get(); n != want {
			t.Fatalf("key %d has count %d, want %d", k, n, want)
		}
		if err := c.Settle([]uint64{k}, []uint64{event.HashUint64(k)}, slots); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIncremental takes checkpoints of which the second has files of the first,
// and is written after its operator is gone.
func TestIncremental(t *testing.T) {
	const keys = 40_000
	open := disks(t)
	c := newCounts(t, open(t))
	c.add(t, 0, keys)
	first := &statetest.Kept{}
	if err := c.Snapshot(first); err != nil {
		t.Fatal(err)
	}
	c.add(t, 0, 100)
	if err := first.Write(); err != nil {
		t.Fatal(err)
	}
	second := &statetest.Kept{} // reads all files, so that they can be compared
	if err := c.Snapshot(second); err != nil {
		t.Fatal(err)
	}
	c.add(t, 0, 100)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(); err != nil {
		t.Fatal(err)
	}
	known := map[string][]byte{}
	for _, p := range first.Pieces() {
		known[p.ID] = p.Data
	}
	shared := 0
	for _, p := range second.Pieces() {
		if data, ok := known[p.ID]; ok && p.ID != "" {
			if shared++; !bytes.Equal(data, p.Data) {
				t.Errorf("two files are called %q", p.ID)
			}
		}
	}
	if shared == 0 {
		t.Error("the checkpoints share no file")
	}
	for i, k := range []*statetest.Kept{first, second} {
		d := newCounts(t, open(t))
		if err := d.Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{k}}); err != nil {
			t.Fatal(err)
		}
		if d.Len() != keys {
			t.Errorf("%d keys, want %d", d.Len(), keys)
		}
		d.check(t, 0, 100, int64(i+1))
		d.check(t, keys-100, keys, 1)
		third := &statetest.Kept{} // of what was restored
		d.add(t, 0, 1)
		if err := d.Snapshot(third); err != nil {
			t.Fatal(err)
		}
		third.Drop()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkSnapshot is how long the task stands still for a checkpoint of a
// million keys, after some have changed, and how long restoring them takes.
func BenchmarkSnapshot(b *testing.B) {
	const keys, changed = 1_000_000, 20_000
	d, err := pebble.In(b.TempDir(), 32<<20)
	if err != nil {
		b.Fatal(err)
	}
	open := func() state.KV {
		kv, err := d.Open("op", 0)
		if err != nil {
			b.Fatal(err)
		}
		return kv
	}
	c := newCounts(b, open())
	c.add(b, 0, keys)
	var last *statetest.Kept
	var stop, longest time.Duration
	for i := 0; b.Loop(); i++ {
		c.add(b, uint64(i*changed%keys), uint64(i*changed%keys+changed))
		k := &statetest.Kept{Earlier: last}
		began := time.Now()
		if err := c.Snapshot(k); err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		stop, longest = stop+took, max(longest, took)
		if err := k.Write(); err != nil {
			b.Fatal(err)
		}
		last = k
	}
	b.ReportMetric(float64(stop.Microseconds())/float64(b.N)/1000, "ms/stop")
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
	r := newCounts(b, open())
	began := time.Now()
	if err := r.Restore(statetest.Restored{Parallelism: 1, From: []*statetest.Kept{last}}); err != nil || r.Len() != keys {
		b.Fatalf("%d keys (%v)", r.Len(), err)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/restore")
	if err := errors.Join(r.Close(), c.Close()); err != nil {
		b.Fatal(err)
	}
}
