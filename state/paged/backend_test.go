package paged_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/statetest"
)

// mapKV is a KV in a map.
type mapKV struct {
	m      map[string]string
	found  int      // by Get
	sorted []string // the keys, nil after they have changed
	broken error
}

func newMapKV() *mapKV { return &mapKV{m: map[string]string{}} }

func (kv *mapKV) Get(key, dst []byte) ([]byte, bool, error) {
	v, ok := kv.m[string(key)]
	if ok {
		kv.found++
	}
	return append(dst, v...), ok, kv.broken
}
func (kv *mapKV) Set(key, value []byte) error {
	kv.m[string(key)], kv.sorted = string(value), nil
	return kv.broken
}
func (kv *mapKV) Delete(key []byte) error {
	delete(kv.m, string(key))
	kv.sorted = nil
	return kv.broken
}
func (kv *mapKV) DeleteRange(from, to []byte) error {
	kv.sorted = nil
	maps.DeleteFunc(kv.m, func(k, _ string) bool { return k >= string(from) && k < string(to) })
	return kv.broken
}
func (kv *mapKV) Scan(after []byte, n int, f func(key, value []byte)) error {
	if kv.sorted == nil {
		kv.sorted = slices.Sorted(maps.Keys(kv.m))
	}
	at, found := slices.BinarySearch(kv.sorted, string(after))
	if found {
		at++
	}
	keys := kv.sorted[at:]
	for _, k := range keys[:min(n, len(keys))] {
		f([]byte(k), []byte(kv.m[k]))
	}
	return kv.broken
}
func (kv *mapKV) Bytes() int64 { return 0 }
func (kv *mapKV) Close() error { return nil }

func open[K comparable](t testing.TB, kv state.KV, budget int64) state.Backend[K] {
	b, err := paged.NewBackend[K](kv, budget)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type place struct {
	City string
	Zone int32
}

// Without any budget every key leaves as soon as others come.
func TestBackend(t *testing.T) {
	for name, budget := range map[string]int64{"nothing fits": 0, "everything fits": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			statetest.RunBackend(t, statetest.Backends[int]{
				New: func(t testing.TB) state.Backend[int] { return open[int](t, newMapKV(), budget) },
				Key: func(i int) int { return i },
			})
			statetest.RunBackend(t, statetest.Backends[string]{
				New: func(t testing.TB) state.Backend[string] { return open[string](t, newMapKV(), budget) },
				Key: func(i int) string { return fmt.Sprint(i) },
			})
			statetest.RunBackend(t, statetest.Backends[place]{
				New: func(t testing.TB) state.Backend[place] { return open[place](t, newMapKV(), budget) },
				Key: func(i int) place { return place{fmt.Sprint(i / 7), int32(i % 7)} },
			})
		})
	}
}

func TestBudget(t *testing.T) {
	const keys, budget = 100_000, 1 << 20
	kv := newMapKV()
	b := open[uint64](t, kv, budget)
	n := state.NewValue[int64](b.Store(), "n")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	ks, hs, slots := make([]uint64, 256), make([]uint64, 256), make([]uint32, 256)
	for i := range uint64(3 * keys / 256) {
		for j := range ks {
			ks[j] = (i*256 + uint64(j)) % keys
			hs[j] = event.HashUint64(ks[j])
		}
		if err := b.Select(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		for _, s := range slots {
			b.Store().Use(s)
			*n.Upsert()++
		}
		if err := b.Settle(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		if b.Bytes() > budget+budget/8 {
			t.Fatalf("%d bytes, the budget is %d", b.Bytes(), budget)
		}
	}
	if b.Len() != keys || len(kv.m) < keys*3/4 {
		t.Errorf("%d keys, %d of them stored", b.Len(), len(kv.m))
	}
}

// Keys that are used every other time stay, while others come and go.
func TestKeysInUseStay(t *testing.T) {
	const hot, rounds = 64, 4000
	kv := newMapKV()
	b := open[uint64](t, kv, 1<<20)
	n := state.NewValue[int64](b.Store(), "n")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	ks, hs, slots := make([]uint64, 256), make([]uint64, 256), make([]uint32, 256)
	next := uint64(hot)
	for round := range rounds {
		for i := range ks {
			if ks[i] = uint64(i); i >= hot || round%2 > 0 {
				ks[i] = next
				next++
			}
			hs[i] = event.HashUint64(ks[i])
		}
		if err := b.Select(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		for _, s := range slots {
			b.Store().Use(s)
			*n.Upsert()++
		}
		if err := b.Settle(ks, hs, slots); err != nil {
			t.Fatal(err)
		}
		if round == rounds-2 {
			b.Store().Use(slots[0])
			if got := *n.Upsert(); got != rounds/2 {
				t.Errorf("counted %d, want %d", got, rounds/2)
			}
		}
	}
	if len(kv.m) < rounds || kv.found > 0 { // what comes once is never found
		t.Errorf("%d keys are stored, and %d times one was in use", len(kv.m), kv.found)
	}
}

func TestRefusedKeys(t *testing.T) {
	for want, err := range map[string]error{
		"floating-point": second(paged.NewBackend[float64](newMapKV(), 0)),
		"export":         second(paged.NewBackend[struct{ a int }](newMapKV(), 0)),
		".Y[] is a":      second(paged.NewBackend[struct{ Y [2]float32 }](newMapKV(), 0)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What the store of bytes says is passed on, with the key.
func TestFailures(t *testing.T) {
	kv := newMapKV()
	b := open[string](t, kv, 0)
	v := state.NewValue[int](b.Store(), "v")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	slots := []uint32{0}
	if err := b.Select([]string{"x"}, []uint64{1}, slots); err != nil {
		t.Fatal(err)
	}
	b.Store().Use(slots[0])
	v.Set(1)
	kv.broken = errors.New("disk full")
	if err := b.Settle([]string{"x"}, []uint64{1}, slots); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 5 && err == nil; i++ { // until x has to leave
		err = b.Select([]string{fmt.Sprint(i)}, []uint64{uint64(i + 2)}, slots)
	}
	if err == nil || !strings.Contains(err.Error(), "disk full") || !strings.Contains(err.Error(), "key x") {
		t.Errorf("got error %v", err)
	}
}
