package memory_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
	"github.com/affluxdev/afflux/state/statetest"
)

type (
	count struct{ n, sum int64 }
	city  string
	place struct {
		City city
		Zone int32
		Tags [2]string
	}
)

func writeCount(s *count, v int64) { s.n, s.sum = v, -v }
func readCount(s *count) int64     { return s.n }

func TestIntKeys(t *testing.T) {
	statetest.Run(t, statetest.Tables[uint64, count]{
		New: memory.NewTable[uint64, count], Key: func(i int) uint64 { return uint64(i) }, Write: writeCount, Read: readCount,
	})
}

func TestSmallIntKeys(t *testing.T) {
	statetest.Run(t, statetest.Tables[int32, int64]{
		New: memory.NewTable[int32, int64], Key: func(i int) int32 { return int32(-i) },
		Write: func(s *int64, v int64) { *s = v }, Read: func(s *int64) int64 { return *s },
	})
}

// stringKey is empty for 0.
func stringKey(i int) string {
	if i == 0 {
		return ""
	}
	return strings.Repeat("k", i%3) + fmt.Sprint(i)
}

func TestStringKeys(t *testing.T) {
	statetest.Run(t, statetest.Tables[string, count]{
		New: memory.NewTable[string, count], Key: stringKey, Write: writeCount, Read: readCount,
	})
}

func TestNamedStringKeys(t *testing.T) {
	statetest.Run(t, statetest.Tables[city, count]{
		New: memory.NewTable[city, count], Key: func(i int) city { return city(strings.Repeat("x", i%1500) + fmt.Sprint(i)) },
		Write: writeCount, Read: readCount,
	})
}

func TestStructKeys(t *testing.T) {
	statetest.Run(t, statetest.Tables[place, count]{
		New: memory.NewTable[place, count], Key: func(i int) place {
			return place{City: city(fmt.Sprint(i / 7)), Zone: int32(i % 7), Tags: [2]string{"a", "b"}}
		}, Write: writeCount, Read: readCount,
	})
}

func TestStatesWithPointers(t *testing.T) {
	statetest.Run(t, statetest.Tables[uint64, map[string][]int64]{
		New: memory.NewTable[uint64, map[string][]int64], Key: func(i int) uint64 { return uint64(i) },
		Write: func(s *map[string][]int64, v int64) { *s = map[string][]int64{"v": {v}} },
		Read: func(s *map[string][]int64) int64 {
			if *s == nil {
				return 0
			}
			return (*s)["v"][0]
		},
	})
	statetest.Run(t, statetest.Tables[string, []int64]{
		New: memory.NewTable[string, []int64], Key: stringKey,
		Write: func(s *[]int64, v int64) { *s = append((*s)[:0], v) },
		Read: func(s *[]int64) int64 {
			if len(*s) == 0 {
				return 0
			}
			return (*s)[0]
		},
	})
}

func one[K comparable, S any](t state.Table[K, S], k K) *S {
	hash, err := event.HasherOf[K]()
	if err != nil {
		panic(err)
	}
	out := []*S{nil}
	t.Lookup([]K{k}, []uint64{hash(&k)}, out)
	return out[0]
}

// The memory behind the keys of a batch is used again for the next one.
func TestKeysAreCopied(t *testing.T) {
	frame, wide := []byte("Paris"), []byte(long(1))
	texts, places := memory.NewTable[string, count](), memory.NewTable[place, count]()
	alias := func() string { return aliasOf(frame) }
	one(texts, alias()).n = 7
	one(texts, aliasOf(wide)).n = 8
	one(places, place{Tags: [2]string{1: alias()}}).n = 7
	copy(frame, "Wien!")
	copy(wide, long(2))
	if one(texts, "Paris").n != 7 || one(texts, long(1)).n != 8 {
		t.Error("a string key changed with the batch")
	}
	if one(places, place{Tags: [2]string{1: "Paris"}}).n != 7 {
		t.Error("a string in a struct key changed with the batch")
	}
}

// All hashes are alike: what decides is the length and every byte.
func TestKeysAreComparedInFull(t *testing.T) {
	table := memory.NewTable[string, count]()
	var keys []string
	for n := range 30 {
		zeros := make([]byte, n)
		keys = append(keys, string(zeros))
		for i := range zeros {
			zeros[i] = 0xff
			keys = append(keys, string(zeros))
			zeros[i] = 0
		}
	}
	hashes, out := make([]uint64, len(keys)), make([]*count, len(keys))
	for i := range hashes {
		hashes[i] = 1
	}
	table.Lookup(keys, hashes, out)
	for i := range out {
		out[i].n = int64(i)
	}
	for i := range keys {
		if s := table.Get(&keys[i], 1); s == nil || s.n != int64(i) {
			t.Errorf("key %q has the state of another one", keys[i])
		}
	}
	seen := map[string]bool{}
	table.Range(0, func(_ uint64, key string, s *count) bool {
		seen[key] = keys[s.n] == key
		return true
	})
	for _, k := range keys {
		if !seen[k] {
			t.Errorf("Range does not return key %q", k)
		}
	}
}

func TestNaNIsOneKey(t *testing.T) {
	floats := memory.NewTable[float64, count]()
	for range 100 {
		one(floats, math.NaN()).n++
	}
	one(floats, 1.5).n++
	if floats.Len() != 2 || one(floats, math.NaN()).n != 100 {
		t.Errorf("%d keys, NaN counted %d times", floats.Len(), one(floats, math.NaN()).n)
	}
	one(floats, 0.0).n++
	if one(floats, math.Copysign(0, -1)).n != 1 {
		t.Error("0 and -0 are two keys")
	}
}

func TestVeryLongKeys(t *testing.T) {
	huge := strings.Repeat("x", 17<<20)
	table := memory.NewTable[string, count]()
	one(table, huge).n = 1
	one(table, huge+"y").n = 2
	one(table, "short").n = 3
	if one(table, huge).n != 1 || one(table, huge+"y").n != 2 || table.Len() != 3 || table.Bytes() < 34<<20 {
		t.Errorf("%d keys in %d bytes", table.Len(), table.Bytes())
	}
	if !table.Delete(&huge, event.HashString(huge)) || table.Bytes() > 18<<20 {
		t.Errorf("%d bytes after Delete", table.Bytes())
	}
}

func fill[K comparable](table state.Table[K, count], n int, key func(int) K) {
	for i := range n {
		one(table, key(i)).n++
	}
}

func number(i int) string { return fmt.Sprintf("user-%013d", i) }

// long is a key that does not fit in a slot.
func long(i int) string { return fmt.Sprintf("user-%031d", i) }

func TestDeletedKeysGiveTheirMemoryBack(t *testing.T) {
	texts, places := memory.NewTable[string, count](), memory.NewTable[place, count]()
	for round := range 30 {
		for i := range 1000 {
			k := long(round*1000 + i)
			one(texts, k)
			if !texts.Delete(&k, event.HashString(k)) {
				t.Fatal("a key is lost")
			}
		}
	}
	if texts.Len() != 0 || texts.Bytes() > 256<<10 {
		t.Errorf("%d keys in %d bytes", texts.Len(), texts.Bytes())
	}
	before := places.Bytes()
	k := place{City: "Paris"}
	one(places, k)
	if places.Bytes() != before+5 {
		t.Errorf("%d bytes, want %d and 5", places.Bytes(), before)
	}
	hash, _ := event.HasherOf[place]()
	if places.Delete(&k, hash(&k)); places.Bytes() != before {
		t.Errorf("%d bytes, want %d", places.Bytes(), before)
	}
}

func TestClearKeepsRoomForWhatItHeld(t *testing.T) {
	texts := memory.NewTable[string, count]()
	fill(texts, 10_000, long)
	full := texts.Bytes()
	texts.Clear()
	if texts.Bytes() != full {
		t.Errorf("%d bytes after Clear, %d before", texts.Bytes(), full)
	}
	for range 10 { // used for little: it gives the rest back
		fill(texts, 10, long)
		texts.Clear()
	}
	if texts.Bytes() > 8<<10 {
		t.Errorf("%d bytes for 10 keys", texts.Bytes())
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	const n = 1024
	ints, texts := memory.NewTable[uint64, count](), memory.NewTable[string, count]()
	ik, sk, ih, sh, out := make([]uint64, n), make([]string, n), make([]uint64, n), make([]uint64, n), make([]*count, n)
	for i := range n {
		ik[i], sk[i] = uint64(i), number(i)
		if i%2 == 0 {
			sk[i] = long(i)
		}
		ih[i], sh[i] = event.HashUint64(ik[i]), event.HashString(sk[i])
	}
	step := func() {
		ints.Lookup(ik, ih, out)
		texts.Lookup(sk, sh, out)
		ints.Scan(0, ik, ih, out)
		texts.Scan(0, sk[:0], sh[:0], out[:0])
		ints.Range(0, func(_ uint64, _ uint64, s *count) bool { s.n++; return true })
	}
	step()
	if a := testing.AllocsPerRun(100, step); a != 0 {
		t.Errorf("%v allocations per batch", a)
	}
	if a := testing.AllocsPerRun(100, func() { step(); ints.Clear(); texts.Clear() }); a != 0 {
		t.Errorf("%v allocations per batch and Clear", a)
	}
}
