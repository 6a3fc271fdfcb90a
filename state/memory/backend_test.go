package memory_test

import (
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

func inMemory[K comparable](testing.TB) state.Backend[K] { return memory.NewBackend[K]() }

func TestBackend(t *testing.T) {
	t.Run("int", func(t *testing.T) {
		statetest.RunBackend(t, statetest.Backends[int]{New: inMemory[int], Key: func(i int) int { return i }})
	})
	t.Run("string", func(t *testing.T) {
		statetest.RunBackend(t, statetest.Backends[string]{New: inMemory[string], Key: stringKey})
	})
	t.Run("long string", func(t *testing.T) {
		statetest.RunBackend(t, statetest.Backends[string]{New: inMemory[string], Key: long})
	})
	t.Run("struct", func(t *testing.T) {
		statetest.RunBackend(t, statetest.Backends[place]{New: inMemory[place], Key: func(i int) place {
			return place{City: city(stringKey(i / 7)), Zone: int32(i % 7)}
		}})
	})
}

func TestBackendSteadyStateDoesNotAllocate(t *testing.T) {
	b := memory.NewBackend[string]()
	n, total := state.NewValue[int64](b.Store(), "n"), state.NewValue[count](b.Store(), "total")
	if err := b.Store().Seal(); err != nil {
		t.Fatal(err)
	}
	keys, hashes, slots := make([]string, 1000), make([]uint64, 1000), make([]uint32, 1000)
	for i := range keys {
		keys[i] = long(i)
		hashes[i] = event.HashString(keys[i])
	}
	step := func() {
		if err := b.Select(keys, hashes, slots); err != nil {
			t.Fatal(err)
		}
		for _, slot := range slots {
			b.Store().Use(slot)
			v, _ := n.Get()
			n.Set(v + 1)
			total.Upsert().n++
		}
		if err := b.Settle(keys, hashes, slots); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if a := testing.AllocsPerRun(100, step); a != 0 {
		t.Errorf("%v allocations per batch", a)
	}
}
