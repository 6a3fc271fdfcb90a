package paged_test

import (
	"slices"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/statetest"
)

// A list that becomes what it was before is stored again if something else has been
// stored meanwhile, whatever other keys had in its slot.
func TestStatesThatComeBack(t *testing.T) {
	b := open[string](t, newMapKV(), 0)
	list := state.NewList[int](b.Store(), "list")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	use := func(key string, f func()) {
		hashes, slots := []uint64{event.HashString(key)}, []uint32{0}
		if err := b.Select([]string{key}, hashes, slots); err != nil {
			t.Fatal(err)
		}
		b.Store().Use(slots[0])
		f()
		if err := b.Settle([]string{key}, hashes, slots); err != nil {
			t.Fatal(err)
		}
	}
	set := func(key string, n int) { use(key, func() { list.Set([]int{n}) }) }
	check := func(key string, want int) {
		t.Helper()
		use(key, func() {
			if got := list.Get(); !slices.Equal(got, []int{want}) {
				t.Errorf("%s has %v, want %d", key, got, want)
			}
		})
	}
	set("x", 1)
	set("y", 2)
	check("x", 1) // in the slot of y
	set("x", 2)
	check("y", 2)
	check("x", 2)
	set("x", 4)
	if err := b.Snapshot(&statetest.Kept{}); err != nil {
		t.Fatal(err)
	}
	set("x", 2)
	check("y", 2)
	check("x", 2)
}
