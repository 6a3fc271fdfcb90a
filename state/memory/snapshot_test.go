package memory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

func inTables[K comparable, S any](testing.TB) state.Tables[K, S] { return memory.NewTables[K, S]() }

// linked is a state that points to much of what it holds.
type linked struct {
	byName map[string]int64
	list   []int64
	next   *linked
}

func writeLinked(s *linked, v int64) {
	if s.byName == nil {
		s.byName, s.next = map[string]int64{}, &linked{}
	}
	s.byName["v"] = v
	s.list = append(s.list[:0], v, v)
	s.next.list = append(s.next.list, v)
}

func readLinked(s *linked) int64 {
	v := s.byName["v"]
	if v != 0 && (!slices.Equal(s.list, []int64{v, v}) || s.next.list[len(s.next.list)-1] != v) {
		return -1
	}
	return v
}

func TestSnapshots(t *testing.T) {
	t.Run("int", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[uint64, count]{
			New: inTables[uint64, count], Key: func(i int) uint64 { return uint64(i) }, Write: writeCount, Read: readCount,
		})
	})
	t.Run("string", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[string, count]{
			New: inTables[string, count], Key: stringKey, Write: writeCount, Read: readCount,
		})
	})
	t.Run("long string", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[city, count]{
			New: inTables[city, count], Key: func(i int) city { return city(strings.Repeat("x", i%40) + fmt.Sprint(i)) },
			Write: writeCount, Read: readCount,
		})
	})
	t.Run("struct", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[place, count]{
			New: inTables[place, count], Key: func(i int) place { return place{City: city(fmt.Sprint(i / 7)), Zone: int32(i % 7)} },
			Write: writeCount, Read: readCount,
		})
	})
	t.Run("int, linked", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[int32, linked]{
			New: inTables[int32, linked], Key: func(i int) int32 { return int32(i) }, Write: writeLinked, Read: readLinked,
		})
	})
	t.Run("string, linked", func(t *testing.T) {
		statetest.RunSnapshots(t, statetest.Snapshots[string, linked]{
			New: inTables[string, linked], Key: long, Write: writeLinked, Read: readLinked,
		})
	})
}

func TestBackendSnapshots(t *testing.T) {
	t.Run("int", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[int]{New: inMemory[int], Key: func(i int) int { return i }})
	})
	t.Run("string", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[string]{New: inMemory[string], Key: stringKey})
	})
	t.Run("struct", func(t *testing.T) {
		statetest.RunBackendSnapshots(t, statetest.Backends[place]{New: inMemory[place], Key: func(i int) place {
			return place{City: city(stringKey(i / 7)), Zone: int32(i % 7)}
		}})
	})
}
