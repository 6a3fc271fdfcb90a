package state_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/state"
)

// What reading gives out can be changed in place unless it is a copy of all that it
// refers to.
func TestExact(t *testing.T) {
	type named struct {
		Name string
		At   [2]int64
	}
	type tagged struct {
		named
		Tags []string
	}
	for name, c := range map[string]struct {
		declare func(s *state.Store)
		want    bool
	}{
		"nothing":         {func(*state.Store) {}, true},
		"a number":        {func(s *state.Store) { state.NewValue[int](s, "v") }, true},
		"a struct":        {func(s *state.Store) { state.NewValue[named](s, "v") }, true},
		"a slice":         {func(s *state.Store) { state.NewValue[[]int](s, "v") }, false},
		"a slice inside":  {func(s *state.Store) { state.NewValue[tagged](s, "v") }, false},
		"a pointer":       {func(s *state.Store) { state.NewValue[*int](s, "v") }, false},
		"a fold":          {func(s *state.Store) { state.NewReducing(s, "v", func(_, _ *int) {}) }, true},
		"a list":          {func(s *state.Store) { state.NewList[int](s, "v") }, false},
		"a map":           {func(s *state.Store) { state.NewMap[string, int](s, "v") }, true},
		"a map of maps":   {func(s *state.Store) { state.NewMap[string, map[string]int](s, "v") }, false},
		"a map by slices": {func(s *state.Store) { state.NewMap[any, int](s, "v") }, false},
		"one and another": {func(s *state.Store) { state.NewList[int](s, "w"); state.NewValue[int](s, "v") }, false},
	} {
		s := state.NewStore()
		c.declare(s)
		if s.Exact() != c.want {
			t.Errorf("%s: Exact is %v", name, s.Exact())
		}
	}
}

// Each change is seen, and reading is none.
func TestChanged(t *testing.T) {
	s := state.NewStore()
	v := state.NewValue[int](s, "v")
	short := state.NewValue[int](s, "short", state.TTL(time.Hour))
	read := state.NewValue[int](s, "read", state.TTLOnRead(time.Hour))
	sum := state.NewReducing(s, "sum", func(acc, v *int) { *acc += *v })
	m := state.NewMap[string, int](s, "m")
	readMap := state.NewMap[string, int](s, "read map", state.TTLOnRead(time.Hour))
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	slot := s.Acquire()
	s.Use(slot)
	all := func() {
		for range readMap.All() {
		}
	}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {
			v.Get()
			short.Get()
			read.Get()
			sum.Get()
			m.Get("a")
			m.Len()
			m.Delete("a")
			v.Clear()
			m.Clear()
		}, false},
		{func() { v.Set(1) }, true},
		{func() { v.Set(2) }, true},
		{func() { v.Get() }, false},
		{func() { v.Upsert() }, true},
		{v.Clear, true},
		{v.Clear, false},
		{func() { v.Upsert() }, true},
		{func() { sum.Add(1) }, true},
		{func() { sum.Add(1) }, true},
		{func() { sum.Get() }, false},
		{sum.Clear, true},
		{func() { read.Set(1) }, true},
		{func() { read.Get() }, true}, // it expires later now
		{func() { m.Set("a", 1) }, true},
		{func() { m.Set("a", 2) }, true},
		{func() { m.Upsert("a") }, true},
		{func() { m.Get("a"); m.Len() }, false},
		{func() { m.Delete("b") }, false},
		{func() { m.Set("b", 1) }, true},
		{func() { m.Delete("b") }, true},
		{m.Clear, true},
		{func() { readMap.Set("a", 1) }, true},
		{func() { readMap.Get("a") }, true},
		{all, true},
		{func() { readMap.Get("b") }, false},
		{func() { short.Set(1) }, true},
		{func() { short.Get(); s.Expire(slot) }, false},
		{func() { s.SetNow(int64(2 * time.Hour)); short.Get() }, true}, // it has expired
		{func() { s.Expire(slot) }, true},                              // so have the others
	} {
		s.Saved(slot)
		if step.do(); s.Changed(slot) != step.want {
			t.Errorf("step %d: Changed is %v", i, s.Changed(slot))
		}
	}
}

func TestTooManyStates(t *testing.T) {
	s := state.NewStore()
	for i := range state.MostStates {
		state.NewValue[int](s, fmt.Sprint(i))
	}
	slot := s.Acquire()
	for range 2 * state.MostStates {
		s.Pin(slot)
	}
	if s.Unused(slot) || !s.Empty(slot) || !s.Pinned(slot) {
		t.Error("a slot that is pinned often is not pinned, or is not empty")
	}
	if s.Release(slot); s.Acquire() != slot || !s.Unused(slot) {
		t.Error("a slot that was released is pinned")
	}
	state.NewValue[int](s, "more")
	if err := s.Seal(); err == nil || !strings.Contains(err.Error(), `"more" is one too many`) {
		t.Errorf("got error %v", err)
	}
}

// A state that has no time to live any more keeps to those it was stored with, until
// it is written.
func TestTimeToLiveIsTakenAway(t *testing.T) {
	was := state.NewStore()
	before := state.NewValue[int](was, "v", state.TTL(time.Hour))
	slot := was.Acquire()
	was.Use(slot)
	before.Set(7)
	data, err := was.Append(slot, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := state.NewStore()
	v := state.NewValue[int](s, "v")
	first, second, third := s.Acquire(), s.Acquire(), s.Acquire()
	s.Use(first)
	v.Set(1)
	for _, slot := range []uint32{second, third} {
		if err := s.Load(slot, data); err != nil {
			t.Fatal(err)
		}
	}
	s.Use(third)
	v.Set(3)
	s.SetNow(int64(time.Hour))
	for slot, want := range map[uint32]int{first: 1, second: 0, third: 3} {
		s.Use(slot)
		if got, ok := v.Get(); got != want || ok != (want != 0) {
			t.Errorf("slot %d has %d, want %d", slot, got, want)
		}
	}
}
