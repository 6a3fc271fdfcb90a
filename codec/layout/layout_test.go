package layout

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

func layoutOf[T any](t testing.TB) *Layout {
	l, err := Of(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// again stores a value and reads it back.
func again[T any](t testing.TB, v T) (out T) {
	l := layoutOf[T](t)
	data, err := l.Append([]byte("before"), unsafe.Pointer(&v))
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, "after"...)
	rest, err := l.Load(data[len("before"):], unsafe.Pointer(&out))
	if err != nil || string(rest) != "after" {
		t.Fatalf("%T: %q is left (%v)", v, rest, err)
	}
	for n := range len(data) - len("before") - len("after") {
		var cut T
		if _, err := l.Load(data[len("before"):][:n], unsafe.Pointer(&cut)); err == nil {
			t.Fatalf("%T: read from %d bytes", v, n)
		}
	}
	return out
}

func same[T any](t *testing.T, v T) {
	t.Helper()
	if got := again(t, v); !reflect.DeepEqual(got, v) {
		t.Errorf("got %+v, want %+v", got, v)
	}
}

type tree struct {
	left, right *tree
	value       any
}

type mixed struct {
	a     int8
	s     string
	list  []string
	empty []int
	none  []int
	m     map[place][]float64
	sub   point
	arr   [3]*int16
	any   any
	err   fmt.Stringer
	at    time.Time
	c     complex128
}

type point struct{ x, y float32 }

type place struct {
	city string
	zone int
}

func (p place) String() string { return p.city }

func TestValuesComeBack(t *testing.T) {
	n := int16(7)
	same(t, 42)
	same(t, "text")
	same(t, [2]string{"a", ""})
	same(t, []byte{})
	same(t, [][]int{nil, {}, {1}})
	same(t, map[string]any{"a": 1.5, "b": []any{"x", nil, map[string]any{}}})
	same(t, &tree{left: &tree{value: place{"Wien", 1}}, right: &tree{value: 2.5}, value: "v"})
	same(t, mixed{a: -1, s: "s", list: []string{"a", "b"}, empty: []int{}, none: nil, m: map[place][]float64{{"Rom", 2}: {1, math.Inf(1)}}, sub: point{1.5, -2}, arr: [3]*int16{1: &n},
		any: int32(4), err: place{"Oslo", 3}, at: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", 3600)), c: complex(1, -2)})
	same(t, big.NewInt(0).Exp(big.NewInt(7), big.NewInt(300), nil))
	if addr := netip.MustParseAddr("fe80::1%eth0"); again(t, addr) != addr {
		t.Error("an address is not the same")
	}
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("here", -1800)}
	for _, z := range zones {
		now := time.Now().In(z) // with the monotonic clock, which is not kept
		if again(t, now) != now.Round(0) {
			t.Errorf("%v is not the same", now)
		}
		if again(t, z) != z {
			t.Errorf("zone %v is not the same", z)
		}
	}
	if zero := again(t, time.Time{}); zero != (time.Time{}) {
		t.Errorf("%v is not the zero time", zero)
	}
	if f := again(t, math.NaN()); f == f {
		t.Error("NaN became a number")
	}
}

func TestListsComeBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		v := rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int32()))).Draw(r, "v")
		if got := again(t, v); fmt.Sprint(got) != fmt.Sprint(v) {
			r.Fatalf("got %v, want %v", got, v)
		}
	})
}

// A time zone too many for its address to be kept is stored by what it is.
func TestZonesWithoutEnd(t *testing.T) {
	zone := time.FixedZone("far", 7*3600)
	data := appendZone(nil, zoneLoose, "far", 7*3600, 0)
	var got *time.Location
	if _, err := layoutOf[*time.Location](t).Load(data, unsafe.Pointer(&got)); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1e9, 0)
	if at.In(got).String() != at.In(zone).String() {
		t.Errorf("got %v, want %v", at.In(got), at.In(zone))
	}
}

func TestRefusedTypes(t *testing.T) {
	for want, of := range map[string]reflect.Type{
		"}.F[] is a func":     reflect.TypeFor[struct{ F []func() }](),
		"is a chan":           reflect.TypeFor[chan int](),
		"compares addresses":  reflect.TypeFor[map[*int]int](),
		"is a unsafe.Pointer": reflect.TypeFor[unsafe.Pointer](),
	} {
		if _, err := Of(of); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got error %v, want one with %q", of, err, want)
		}
	}
	round := &tree{}
	round.left = round
	for want, v := range map[string]*tree{
		"contains itself":   round,
		"is a func":         {value: func() {}},
		"which is an addre": {value: &tree{}},
	} {
		if _, err := layoutOf[*tree](t).Append(nil, unsafe.Pointer(&v)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

// What a value owns is measured, from a sample where there is much.
func TestOwned(t *testing.T) {
	v := make([]string, 1000)
	for i := range v {
		v[i] = strings.Repeat("x", 100)
	}
	l := layoutOf[[]string](t)
	if got, want := l.Owned(unsafe.Pointer(&v)), 1000*(16+100); got < want*9/10 || got > want*11/10 {
		t.Errorf("%d bytes, want about %d", got, want)
	}
	m := map[string][]byte{}
	for i := range 1000 {
		m[fmt.Sprint(i)] = make([]byte, 500)
	}
	lm := layoutOf[map[string][]byte](t)
	if got := lm.Owned(unsafe.Pointer(&m)); got < 500_000 || got > 600_000 {
		t.Errorf("%d bytes, want a few more than 500000", got)
	}
}
