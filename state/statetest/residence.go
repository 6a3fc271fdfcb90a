package statetest

import (
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/state"
)

// one selects a single key, calls f and settles.
func one[K comparable](t testing.TB, b state.Backend[K], hash func(*K) uint64, key K, f func()) {
	keys, hashes, slots := []K{key}, []uint64{hash(&key)}, []uint32{0}
	if err := b.Select(keys, hashes, slots); err != nil {
		t.Fatal(err)
	}
	b.Store().Use(slots[0])
	f()
	if err := b.Settle(keys, hashes, slots); err != nil {
		t.Fatal(err)
	}
}

// forgets checks that a key without state takes no memory.
func forgets[K comparable](t *testing.T, backends Backends[K], hash func(*K) uint64) {
	b := backends.New(t)
	v := state.NewValue[string](b.Store(), "v")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	var most int64
	for i := range 5000 {
		one(t, b, hash, backends.Key(i%1000), func() {
			if _, ok := v.Get(); ok {
				t.Fatalf("key %d has the state of another", i)
			}
		})
		if b.Len() != 0 {
			t.Fatalf("%d keys without state", b.Len())
		}
		one(t, b, hash, backends.Key(i%1000), func() { v.Set(strings.Repeat("x", 1000)) })
		if b.Len() != 1 {
			t.Fatalf("%d keys, want 1", b.Len())
		}
		one(t, b, hash, backends.Key(i%1000), v.Clear)
		if i == 100 {
			most = b.Bytes()
		}
	}
	if b.Len() != 0 || b.Bytes() > most+64<<10 {
		t.Errorf("%d keys; %d bytes after 100 rounds, %d at the end", b.Len(), most, b.Bytes())
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// expires checks that states that nobody reads any more are removed while
// others are used.
func expires[K comparable](t *testing.T, backends Backends[K], hash func(*K) uint64) {
	b := backends.New(t)
	s := b.Store()
	v := state.NewValue[int64](s, "v", state.TTL(time.Second))
	l := state.NewList[int64](s, "l", state.TTL(time.Second))
	m := state.NewMap[int64, string](s, "m", state.TTL(time.Second))
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	n, live := 20_000, 1000 // a key is alive for that many others
	if testing.Short() {
		n, live = 5000, 250
	}
	for i := range n {
		s.SetNow(int64(i) * int64(time.Second) / int64(live))
		one(t, b, hash, backends.Key(i), func() {
			v.Set(1)
			l.Append(2)
			m.Set(3, "three")
		})
		if b.Len() > 4*live {
			t.Fatalf("%d keys after %d, at most %d can be alive", b.Len(), i, live)
		}
	}
	s.SetNow(int64(time.Hour))
	for range n {
		one(t, b, hash, backends.Key(n), func() {})
	}
	if b.Len() != 0 {
		t.Errorf("%d keys are left", b.Len())
	}
	s.Entries(func(name string, entries int64) {
		if entries != 0 {
			t.Errorf("state %q has %d entries left", name, entries)
		}
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// declarations checks what is refused.
func declarations[K comparable](t *testing.T, backends Backends[K]) {
	for _, c := range []struct {
		want    string
		declare func(s *state.Store)
	}{
		{"two states are called \"v\"", func(s *state.Store) {
			state.NewValue[int64](s, "v")
			state.NewMap[int, int](s, "v")
		}},
		{"has no name", func(s *state.Store) { state.NewList[int](s, "") }},
		{"must be positive", func(s *state.Store) { state.NewValue[int](s, "v", state.TTL(0)) }},
	} {
		b := backends.New(t)
		c.declare(b.Store())
		if err := b.Store().Seal(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want one with %q", err, c.want)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
