package layout

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// hostile has every kind of thing that bytes may lie about.
type hostile struct {
	s     string
	list  [][4]string
	empty []struct{}
	blank []struct{ _ *int }
	bools [3]bool
	m     map[string][]int64
	units map[struct{}]struct{}
	tree  *hostile
	many  []hostile
	arr   [][2]*hostile
	any   any
	str   interface{ String() string }
	at    time.Time
}

// FuzzLoad reads bytes that nobody has written.
func FuzzLoad(f *testing.F) {
	l := layoutOf[hostile](f)
	n := hostile{s: "s", list: [][4]string{{"a"}}, empty: make([]struct{}, 3), blank: make([]struct{ _ *int }, 2), m: map[string][]int64{"a": {1}},
		units: map[struct{}]struct{}{{}: {}}, any: []any{1, "x", map[string]any{"y": true}}, str: time.Second, at: time.Unix(1, 2).In(time.FixedZone("F", 60))}
	n.tree, n.many, n.arr = &hostile{}, []hostile{{s: "in"}}, [][2]*hostile{{1: {}}}
	data, err := l.Append(nil, unsafe.Pointer(&n))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for i := range data {
		f.Add(append(append([]byte(nil), data[:i]...), 0xff, 0xff, 0xff, 0x7f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var v hostile
		rest, err := l.Load(data, unsafe.Pointer(&v))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+1000*len(data)); got > most {
			t.Fatalf("%d bytes were allocated for %d", got, len(data))
		}
		if err != nil {
			return
		}
		again, err := l.Append(nil, unsafe.Pointer(&v))
		if err != nil {
			t.Fatal(err)
		}
		var w hostile
		if left, err := l.Load(again, unsafe.Pointer(&w)); err != nil || len(left) > 0 {
			t.Fatalf("%d bytes of what was read from %d are left (%v)", len(left), len(data)-len(rest), err)
		}
	})
}
