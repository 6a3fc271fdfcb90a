package paged_test

import (
	"fmt"
	"strings"
	"testing"

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
