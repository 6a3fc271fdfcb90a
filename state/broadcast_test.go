package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/state"
)

func TestBroadcastMap(t *testing.T) {
	s := state.NewStore()
	n := state.NewValue[int](s, "n")
	b := state.NewBroadcastMap[string, place](s, "rules", state.MaxEntries(2))
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	empty := s.Bytes()
	refused := func(want string, f func()) {
		t.Helper()
		defer func() {
			if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), want) {
				t.Errorf("got %v, want %q", v, want)
			}
		}()
		f()
	}
	refused("ProcessBroadcast", func() { b.Set("a", place{}) })
	refused("ProcessBroadcast", func() { b.Delete("a") })
	refused("ProcessBroadcast", func() { b.Clear() })
	s.AllowBroadcast(true)
	b.Set("a", place{"Rome", 1})
	b.Set("b", place{"Oslo", 2})
	b.Set("a", place{strings.Repeat("Paris", 1000), 3})
	refused(`"rules" has 2 entries`, func() { b.Set("c", place{}) })
	if !b.Delete("b") || b.Delete("b") {
		t.Error("an entry was not deleted once")
	}
	b.Set("c", place{"Bern", 4})
	s.AllowBroadcast(false)
	for range 2 { // of whatever key
		s.Use(s.Acquire())
		*n.Upsert()++
		if p, ok := b.Get("a"); !ok || p.Zone != 3 || b.Len() != 2 {
			t.Errorf("got %v %v of %d", p, ok, b.Len())
		}
	}
	var keys []string
	for k := range b.All() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, []string{"a", "c"}) {
		t.Errorf("the entries are %v", keys)
	}
	if grown := s.Bytes() - empty; grown < 5000 {
		t.Errorf("the store grew by %d bytes", grown)
	}
	entries := map[string]int64{}
	s.Entries(func(name string, n int64) { entries[name] = n })
	if entries["rules"] != 2 || entries["n"] != 2 {
		t.Errorf("entries: %v", entries)
	}
}

func TestBroadcastMistakes(t *testing.T) {
	for want, declare := range map[string]func(*state.Store){
		`two states are called "rules"`: func(s *state.Store) { state.NewBroadcastMap[int, int](s, "rules") },
		"has no name":                   func(s *state.Store) { state.NewBroadcastMap[int, int](s, "") },
		"no time to live":               func(s *state.Store) { state.NewBroadcastMap[int, int](s, "x", state.TTL(time.Hour)) },
		"must be positive":              func(s *state.Store) { state.NewBroadcastMap[int, int](s, "x", state.MaxEntries(0)) },
		"for broadcast states only":     func(s *state.Store) { state.NewList[int](s, "x", state.MaxEntries(1)) },
		"a series has no time to live":  func(s *state.Store) { state.NewSeries[int](s, "x", state.TTL(time.Hour)) },
	} {
		s := state.NewStore()
		state.NewBroadcastMap[int, int](s, "rules")
		declare(s)
		if err := s.Seal(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
