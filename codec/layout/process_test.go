package layout

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones, wherever it runs
	"unsafe"
)

func loadAs[T any](t testing.TB, data []byte) (v T, err error) {
	t.Helper()
	rest, err := layoutOf[T](t).Load(data, unsafe.Pointer(&v))
	if err == nil && len(rest) > 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
	return v, err
}

// What another process has stored is read by what it is, not by its address.
func TestZonesOfAnotherProcess(t *testing.T) {
	fixed := appendZone(nil, zoneFixed, "ship", 5400, 0)
	z, err := loadAs[*time.Location](t, fixed)
	if err != nil || time.Unix(0, 0).In(z).Format("15:04 MST") != "01:30 ship" {
		t.Fatalf("got %v (%v)", z, err)
	}
	if again, err := loadAs[*time.Location](t, fixed); err != nil || again != z {
		t.Errorf("the same zone is another one (%v)", err)
	}
	if other, err := loadAs[*time.Location](t, appendZone(nil, zoneFixed, "ship", 5400, 1)); err != nil || other == z {
		t.Errorf("two zones have become one (%v)", err)
	}
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	if kind, _ := kindOfZone(vienna); kind != zoneNamed {
		t.Errorf("Vienna is of kind %d", kind)
	}
	if kind, _ := kindOfZone(z); kind != zoneFixed {
		t.Errorf("a fixed zone is of kind %d", kind)
	}
	named, err := loadAs[*time.Location](t, appendZone(nil, zoneNamed, "Europe/Vienna", 0, 7))
	if err != nil || named.String() != "Europe/Vienna" {
		t.Errorf("got %v (%v)", named, err)
	}
	for want, data := range map[string][]byte{
		"is not known here":      appendZone(nil, zoneNamed, "Nowhere/Else", 0, 0),
		"known only to":          appendZone(nil, zoneOther, "own", 0, 0),
		"value is damaged":       {99},
		"value ends too early":   {zoneNamed, 9, 'x'},
		"stored value is damage": append(binary.AppendVarint([]byte{zoneLoose, 0}, 1<<40), 0),
	} {
		if _, err := loadAs[*time.Location](t, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

type registered struct{ n int }

// An interface holds only values of types that this program knows, as they were.
func TestHeldTypes(t *testing.T) {
	var v any = registered{5}
	data, err := layoutOf[any](t).Append(nil, unsafe.Pointer(&v))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loadAs[any](t, data); err != nil || got != v {
		t.Errorf("got %v (%v)", got, err)
	}
	unknown := []byte(strings.Replace(string(data), "registered", "foreigners", 1))
	if _, err := loadAs[any](t, unknown); err == nil || !strings.Contains(err.Error(), "has not registered") {
		t.Errorf("got error %v", err)
	}
	data[len(data)-9]++ // of the checksum
	if _, err := loadAs[any](t, data); err == nil || !strings.Contains(err.Error(), "has changed since") {
		t.Errorf("got error %v", err)
	}
	if err := Register(reflect.TypeFor[func()]()); err == nil {
		t.Error("a function was registered")
	}
	first := func() any {
		type local struct{ n int }
		return local{1}
	}()
	second := func() any {
		type local struct{ s string }
		return local{"x"}
	}()
	for _, v := range []any{first, second, []int{1}, [2]map[string]bool{}, struct{ A, b int }{1, 2}} {
		if got := again(t, v); !reflect.DeepEqual(got, v) {
			t.Errorf("got %v, want %v", got, v)
		}
	}
}

func TestKeys(t *testing.T) {
	type key struct {
		a  int8
		at time.Time
		s  [2]string
		i  any
	}
	l, err := OfKey(reflect.TypeFor[key]())
	if err != nil {
		t.Fatal(err)
	}
	encode := func(k key) string {
		data, err := l.Append(nil, unsafe.Pointer(&k))
		if err != nil {
			t.Fatal(err)
		}
		var back key
		if rest, err := l.Load(data, unsafe.Pointer(&back)); err != nil || len(rest) > 0 || back != k {
			t.Errorf("got %v, want %v (%v)", back, k, err)
		}
		return string(data)
	}
	now := time.Now() // with the monotonic clock, which == sees
	one, same, other := key{1, now, [2]string{"a"}, 7}, key{1, now, [2]string{"a"}, 7}, key{1, now.Round(0), [2]string{"a"}, 7}
	if encode(one) != encode(same) || (encode(one) == encode(other)) != (one == other) {
		t.Error("bytes are not compared like keys")
	}
	for want, of := range map[string]reflect.Type{
		"floating-point": reflect.TypeFor[struct{ f [2]float32 }](), "is a pointer": reflect.TypeFor[struct{ p *int }](),
	} {
		if _, err := OfKey(of); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	k := key{i: 1.5}
	if _, err := l.Append(nil, unsafe.Pointer(&k)); err == nil {
		t.Error("an interface with a floating-point number is a key")
	}
}
