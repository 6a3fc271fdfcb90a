package paged_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/paged"
	"github.com/affluxdev/afflux/state/statetest"
)

func openTables[K comparable, S any](t testing.TB, kv state.KV, budget int64) state.Tables[K, S] {
	all, err := paged.NewTables[K, S](kv, budget, func(err error) any { return err })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// diary is a state of many parts, none of them exported.
type diary struct {
	n     int64
	text  string
	pages []page
	marks map[string]int64
	next  *diary
}

type page struct {
	n    int64
	line string
}

func writeDiary(d *diary, n int64) {
	*d = diary{n: n, text: strings.Repeat("x", int(n%50)), pages: []page{{n, "a"}, {-n, "b"}}, marks: map[string]int64{"n": n}}
	if n%3 == 0 {
		d.next = &diary{n: n}
	}
}

func readDiary(d *diary) int64 {
	if d.n == 0 {
		return 0
	}
	if len(d.text) != int(d.n%50) || len(d.pages) != 2 || d.pages[1] != (page{-d.n, "b"}) || d.marks["n"] != d.n || (d.next != nil) != (d.n%3 == 0) {
		return -1
	}
	return d.n
}

// Without any budget every key leaves as soon as others come.
func TestTable(t *testing.T) {
	for name, budget := range map[string]int64{"nothing fits": 0, "some fit": 20_000, "everything fits": 1 << 30} {
		t.Run(name+" of integers", func(t *testing.T) {
			all := openTables[int, int64](t, newMapKV(), budget)
			statetest.Run(t, statetest.Tables[int, int64]{New: all.New, Elsewhere: true, Key: func(i int) int { return -i },
				Write: func(s *int64, v int64) { *s = v }, Read: func(s *int64) int64 { return *s }})
		})
		t.Run(name+" of strings", func(t *testing.T) {
			all := openTables[string, diary](t, newMapKV(), budget)
			statetest.Run(t, statetest.Tables[string, diary]{New: all.New, Elsewhere: true, Key: func(i int) string { return strings.Repeat("k", i%40) + fmt.Sprint(i) },
				Write: writeDiary, Read: readDiary})
		})
		t.Run(name+" of structs", func(t *testing.T) {
			type private struct {
				city string
				zone int16
				tags [2]string
			}
			all := openTables[private, [3]int64](t, newMapKV(), budget)
			statetest.Run(t, statetest.Tables[private, [3]int64]{New: all.New, Elsewhere: true,
				Key: func(i int) private {
					return private{fmt.Sprint(i / 7), int16(i % 7), [2]string{"a", fmt.Sprint(i % 3)}}
				},
				Write: func(s *[3]int64, v int64) { s[2] = v }, Read: func(s *[3]int64) int64 { return s[2] }})
		})
	}
}

// What states and keys in memory point to is not collected, and what they
// pointed to is, once they are gone.
func TestPointersAreSeenByTheCollector(t *testing.T) {
	type key struct {
		zone int8
		city string
	}
	type state struct {
		n    int8
		next *[4]int
	}
	const n = 3000 // several pages
	all := openTables[key, state](t, newMapKV(), 1<<30)
	table := all.New()
	keys, hashes, out := make([]key, n), make([]uint64, n), make([]*state, n)
	for i := range keys {
		keys[i] = key{int8(i), fmt.Sprint("city ", i)}
		hashes[i] = event.HashString(keys[i].city)
	}
	table.Lookup(keys, hashes, out)
	gone := make(chan int, n)
	for i, s := range out {
		s.n, s.next = int8(i), &[4]int{i, i + 1, i + 2, i + 3}
		runtime.AddCleanup(s.next, func(i int) { gone <- i }, i)
	}
	clear(keys) // the table has copies
	clear(out)
	var litter [][4]int
	for range 3 {
		runtime.GC()
		for i := range n {
			litter = append([][4]int{{-i, -i, -i, -i}}, litter[:min(len(litter), 10)]...)
		}
	}
	if len(gone) > 0 {
		t.Fatalf("the state of key %d was collected", <-gone)
	}
	for i, h := range hashes {
		k := key{int8(i), fmt.Sprint("city ", i)}
		if s := table.Get(&k, h); s == nil || s.n != int8(i) || *s.next != [4]int{i, i + 1, i + 2, i + 3} {
			t.Fatalf("the state of %v is %v", k, s)
		}
	}
	table.Clear()
	for range n {
		runtime.GC()
		if len(gone) == n {
			break
		}
	}
	if len(gone) < n {
		t.Errorf("%d of %d states were not collected after their keys were removed", n-len(gone), n)
	}
	runtime.KeepAlive(all)
	runtime.KeepAlive(litter)
}

// Keys or states may take no memory.
func TestNothingToKeep(t *testing.T) {
	kv := newMapKV()
	sets := openTables[string, struct{}](t, kv, 0)
	set := sets.New()
	for i := range 2000 {
		k := fmt.Sprint(i % 1000)
		set.Lookup([]string{k}, []uint64{event.HashString(k)}, make([]*struct{}, 1))
	}
	seen := map[string]bool{}
	for cursor := 0; cursor >= 0; {
		cursor = set.Range(cursor, func(_ uint64, k string, _ *struct{}) bool { seen[k] = true; return len(seen)%100 > 0 })
	}
	if set.Len() != 1000 || len(seen) != 1000 {
		t.Errorf("%d keys, and %d in a walk, want 1000", set.Len(), len(seen))
	}
	ones := openTables[struct{}, int64](t, kv, 0)
	one := ones.New()
	keys, out := make([]struct{}, 300), make([]*int64, 300)
	hashes := make([]uint64, 300)
	for i := range hashes {
		hashes[i] = 1 << 40
	}
	one.Lookup(keys, hashes, out)
	for _, s := range out {
		*s++
	}
	if s := one.Get(&struct{}{}, 1<<40); one.Len() != 1 || *s != 300 {
		t.Errorf("%d keys, the first with %d, want 1 with 300", one.Len(), *s)
	}
}
