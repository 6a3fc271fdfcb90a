package pebble_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/pebble"
	"github.com/affluxdev/afflux/state/statetest"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, memory int64) (state.KV, string) {
	dir := t.TempDir()
	d, err := pebble.In(dir, memory)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := d.Open("an/operator", 3)
	if err != nil {
		t.Fatal(err)
	}
	return kv, dir
}

func TestAgainstMap(t *testing.T) {
	kv, dir := open(t, pebble.MinMemory)
	want := map[string]string{}
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.StringN(1, 4, 4).Draw(r, "key")
		switch rapid.IntRange(0, 4).Draw(r, "op") {
		case 4:
			to := rapid.StringN(1, 4, 4).Draw(r, "to")
			if err := kv.DeleteRange([]byte(min(key, to)), []byte(max(key, to))); err != nil {
				r.Fatal(err)
			}
			maps.DeleteFunc(want, func(k, _ string) bool { return k >= min(key, to) && k < max(key, to) })
		case 0, 1:
			value := rapid.String().Draw(r, "value")
			if err := kv.Set([]byte(key), []byte(value)); err != nil {
				r.Fatal(err)
			}
			want[key] = value
		case 2:
			if err := kv.Delete([]byte(key)); err != nil {
				r.Fatal(err)
			}
			delete(want, key)
		}
		value, ok, err := kv.Get([]byte(key), []byte("+"))
		if w, has := want[key]; err != nil || ok != has || string(value) != "+"+w {
			r.Fatalf("got %q, %v, %v; want %q, %v", value, ok, err, w, has)
		}
		var all, got []string
		for k := range want {
			if k > key {
				all = append(all, k+"="+want[k])
			}
		}
		slices.Sort(all)
		n := rapid.IntRange(0, 5).Draw(r, "n")
		err = kv.Scan([]byte(key), n, func(k, v []byte) { got = append(got, string(k)+"="+string(v)) })
		if err != nil || len(got) != min(n, len(all)) {
			r.Fatalf("scanned %q of %q (%v)", got, all, err)
		}
		for _, g := range got {
			if !slices.Contains(all, g) {
				r.Fatalf("scanned %q, which is not there", g)
			}
		}
	})
	if err := kv.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left (%v)", len(left), err)
	}
}

func TestBackend(t *testing.T) {
	kv, _ := open(t, pebble.MinMemory)
	defer func() {
		if err := kv.Close(); err != nil {
			t.Error(err)
		}
	}()
	statetest.RunBackend(t, statetest.Backends[string]{
		New: func(t testing.TB) state.Backend[string] {
			b, err := paged.NewBackend[string](&emptied{SortedKV: kv.(state.SortedKV)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Key: func(i int) string { return fmt.Sprint(i) },
	})
}

// emptied is a part of a database of its own for each backend: opening one for
// each of hundreds of cases would take minutes.
type emptied struct {
	state.SortedKV
	keys map[string]bool
}

func (e *emptied) Set(key, value []byte) error {
	if e.keys == nil {
		e.keys = map[string]bool{}
	}
	e.keys[string(key)] = true
	return e.SortedKV.Set(key, value)
}

func (e *emptied) Close() error {
	for k := range e.keys {
		if err := e.SortedKV.Delete([]byte(k)); err != nil {
			return err
		}
	}
	return nil
}

// TestGetSorted asks for many keys, of which some are not there, right after
// they were written and after they have been flushed.
func TestGetSorted(t *testing.T) {
	kv, _ := open(t, pebble.MinMemory)
	defer func() {
		if err := kv.Close(); err != nil {
			t.Error(err)
		}
	}()
	name := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	const n = 20_000
	for round := range 2 {
		for i := range n {
			if err := kv.Set(name(i*2), fmt.Append(nil, i*2+round)); err != nil {
				t.Fatal(err)
			}
		}
		for from := 0; from < 2*n; from += 700 {
			keys := [][]byte{}
			for i := from; i < min(from+700, 2*n); i++ {
				keys = append(keys, name(i))
			}
			got := 0
			err := kv.(state.SortedKV).GetSorted(keys, func(i int, value []byte) error {
				if i != 2*got || string(value) != fmt.Sprint(from+i+round) {
					return fmt.Errorf("round %d: key %s has value %q after %d others", round, keys[i], value, got)
				}
				got++
				return nil
			})
			if err != nil || got != len(keys)/2 {
				t.Fatalf("%d of %d keys (%v)", got, len(keys), err)
			}
		}
	}
	stop := errors.New("stop")
	calls := 0
	err := kv.(state.SortedKV).GetSorted([][]byte{name(0), name(2)}, func(int, []byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

// TestBudget counts many more keys than fit, several times over.
func TestBudget(t *testing.T) {
	const memory, batch = pebble.MinMemory, 256
	keys, rounds := uint64(1<<16), uint64(3)
	if testing.Short() { // still more than fits
		keys, rounds = 1<<15, 2
	}
	d, err := pebble.In(t.TempDir(), memory)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := d.Open("count", 0)
	if err != nil {
		t.Fatal(err)
	}
	back, err := paged.NewBackend[uint64](kv, d.Resident())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := back.Close(); err != nil {
			t.Error(err)
		}
	}()
	n := state.NewValue[int64](back.Store(), "n")
	list := state.NewList[int64](back.Store(), "list")
	if err := back.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	ks, hs, slots := make([]uint64, batch), make([]uint64, batch), make([]uint32, batch)
	for i := uint64(0); i < rounds*keys; i += batch {
		for j := range ks {
			ks[j] = (i + uint64(j)) * 40503 % keys // odd: each key once in a round
			hs[j] = event.HashUint64(ks[j])
		}
		if err := back.Select(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		for j, s := range slots {
			back.Store().Use(s)
			*n.Upsert()++
			list.Append(int64(ks[j]))
			if got, _ := n.Get(); got != int64(i/keys)+1 || list.Len() != int(got) || list.Get()[0] != int64(ks[j]) {
				t.Fatalf("key %d in round %d: count %d, list %v", ks[j], i/keys, got, list.Get())
			}
		}
		if err := back.Settle(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		if back.Bytes() > memory+memory/8 {
			t.Fatalf("%d bytes after %d updates, the budget is %d", back.Bytes(), i, memory)
		}
	}
	if back.Len() != int(keys) {
		t.Errorf("%d keys, want %d", back.Len(), keys)
	}
}

func TestTooLittleMemory(t *testing.T) {
	if _, err := pebble.In(t.TempDir(), pebble.MinMemory-1); err == nil {
		t.Error("it was taken")
	}
}

// BenchmarkUpdates counts per key, evenly over many more keys than fit in
// memory: the worst case, since no key is used again soon.
func BenchmarkUpdates(b *testing.B) {
	const keys, memory, batch = 500_000, 16 << 20, 256
	kv, _ := open(b, memory)
	back, err := paged.NewBackend[uint64](kv, memory/2)
	if err != nil {
		b.Fatal(err)
	}
	n := state.NewValue[int64](back.Store(), "n")
	if err := back.Store().Seal(); err != nil {
		b.Fatal(err)
	}
	ks, hs, slots := make([]uint64, batch), make([]uint64, batch), make([]uint32, batch)
	next := uint64(0)
	update := func(key func(uint64) uint64, count int) time.Duration {
		start := time.Now()
		for done := 0; done < count; done += batch {
			for i := range ks {
				ks[i] = key(next)
				hs[i] = event.HashUint64(ks[i])
				next++
			}
			if err := back.Select(ks, hs, slots); err != nil {
				b.Fatal(err)
			}
			for _, s := range slots {
				back.Store().Use(s)
				*n.Upsert()++
			}
			if err := back.Settle(ks, hs, slots); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	fill := update(func(i uint64) uint64 { return i % keys }, keys)
	b.ResetTimer()
	took := update(func(i uint64) uint64 { return event.HashUint64(i) % keys }, b.N)
	b.ReportMetric(keys/fill.Seconds(), "inserts/s")
	b.ReportMetric(float64(b.N)/took.Seconds(), "updates/s")
	b.ReportMetric(float64(back.Bytes())/(1<<20), "MB")
	if err := back.Close(); err != nil {
		b.Fatal(err)
	}
}
