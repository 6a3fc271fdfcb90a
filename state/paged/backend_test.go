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

// counting counts keys in a backend, a batch at a time.
type counting struct {
	kv     *mapKV
	b      state.Backend[uint64]
	n      *state.Value[int64]
	keys   [256]uint64
	hashes [256]uint64
	slots  [256]uint32
}

func newCounting(t *testing.T, budget int64) *counting {
	c := &counting{kv: newMapKV()}
	c.b = open[uint64](t, c.kv, budget)
	c.n = state.NewValue[int64](c.b.Store(), "n")
	if err := c.b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	return c
}

// batch counts keys, and returns the count of the first.
func (c *counting) batch(t *testing.T, key func(i int) uint64) (first int64) {
	t.Helper()
	for i := range c.keys {
		c.keys[i] = key(i)
		c.hashes[i] = event.HashUint64(c.keys[i])
	}
	if err := c.b.Select(c.keys[:], c.hashes[:], c.slots[:]); err != nil {
		t.Fatal(err)
	}
	for i, s := range c.slots {
		c.b.Store().Use(s)
		n := c.n.Upsert()
		if *n++; i == 0 {
			first = *n
		}
	}
	if err := c.b.Settle(c.keys[:], c.hashes[:], c.slots[:]); err != nil {
		t.Fatal(err)
	}
	return first
}

func TestBudget(t *testing.T) {
	const keys, budget = 100_000, 1 << 20
	c := newCounting(t, budget)
	for next := uint64(0); next < 3*keys; {
		c.batch(t, func(int) uint64 { next++; return next % keys })
		if c.b.Bytes() > budget+budget/8 {
			t.Fatalf("%d bytes, the budget is %d", c.b.Bytes(), budget)
		}
	}
	if c.b.Len() != keys || len(c.kv.m) < keys*3/4 {
		t.Errorf("%d keys, %d of them stored", c.b.Len(), len(c.kv.m))
	}
}

// Keys that are used every other time stay, while others come and go.
func TestKeysInUseStay(t *testing.T) {
	const hot, rounds = 64, 4000
	c := newCounting(t, 1<<20)
	next := uint64(hot)
	for round := range rounds {
		used := round%2 == 0
		got := c.batch(t, func(i int) uint64 {
			if used && i < hot {
				return uint64(i)
			}
			next++
			return next
		})
		if want := int64(round/2 + 1); used && got != want {
			t.Fatalf("counted %d in round %d, want %d", got, round, want)
		}
	}
	if len(c.kv.m) < rounds || c.kv.found > 0 { // what comes once is never found
		t.Errorf("%d keys are stored, and %d times one was in use", len(c.kv.m), c.kv.found)
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
