package layout

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unique"
	"unsafe"

	"pgregory.net/rapid"
)

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[uint8](), reflect.TypeFor[int16](), reflect.TypeFor[uint16](),
	reflect.TypeFor[int32](), reflect.TypeFor[uint32](), reflect.TypeFor[int64](), reflect.TypeFor[int](), reflect.TypeFor[uint](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[string](),
	reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[unique.Handle[string]](),
}

// drawType makes a type.
func drawType(r *rapid.T, depth int) reflect.Type {
	kind := rapid.IntRange(0, 9).Draw(r, "kind")
	if depth == 0 {
		kind = 9
	}
	switch kind {
	case 0, 1, 2, 3:
		return drawStruct(r, depth)
	case 4:
		return reflect.SliceOf(drawType(r, depth-1))
	case 5:
		return reflect.ArrayOf(rapid.IntRange(0, 3).Draw(r, "len"), drawType(r, depth-1))
	case 6:
		return reflect.PointerTo(drawType(r, depth-1))
	case 7:
		return reflect.MapOf(reflect.TypeFor[int32](), drawType(r, depth-1))
	}
	return rapid.SampledFrom(leaves).Draw(r, "leaf")
}

func drawStruct(r *rapid.T, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range rapid.IntRange(0, 5).Draw(r, "fields") {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: drawType(r, depth-1)})
	}
	return reflect.StructOf(fields)
}

// evolve makes a later version of a type.
func evolve(r *rapid.T, t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Struct:
		if t.PkgPath() != "" {
			return t
		}
		var fields []reflect.StructField
		for i := range t.NumField() {
			if rapid.IntRange(0, 4).Draw(r, "drop") == 0 {
				continue
			}
			f := t.Field(i)
			fields = append(fields, reflect.StructField{Name: f.Name, Type: evolve(r, f.Type)})
		}
		for range rapid.IntRange(0, 2).Draw(r, "add") {
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("G%d", len(fields)), Type: drawType(r, 1)})
		}
		return reflect.StructOf(rapid.Permutation(fields).Draw(r, "order"))
	case reflect.Slice:
		return reflect.SliceOf(evolve(r, t.Elem()))
	case reflect.Array:
		return reflect.ArrayOf(t.Len(), evolve(r, t.Elem()))
	case reflect.Pointer:
		if t == locationType {
			return t
		}
		return reflect.PointerTo(evolve(r, t.Elem()))
	case reflect.Map:
		return reflect.MapOf(reflect.TypeFor[int64](), evolve(r, t.Elem()))
	}
	for _, to := range leaves {
		if scalar(t.Kind()) && scalar(to.Kind()) && rapid.IntRange(0, 2).Draw(r, "widen") == 0 {
			from, now := mustOf(t).kindOf(), mustOf(to).kindOf()
			if widen(from, now) != nil {
				return to
			}
		}
	}
	return t
}

// fill makes a value.
func fill(r *rapid.T, v reflect.Value) {
	n := rapid.IntRange(0, 3).Draw(r, "n")
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(n), 5).In([]*time.Location{time.UTC, time.Local, east, west}[n])))
		return
	case addrType:
		v.Set(reflect.ValueOf([]netip.Addr{{}, netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::ffff:1.2.3.4"), netip.MustParseAddr("fe80::1%e")}[n]))
		return
	case nameType:
		v.Set(reflect.ValueOf(unique.Make(fmt.Sprint(n))))
		return
	}
	switch k := v.Kind(); k {
	case reflect.Bool:
		v.SetBool(n > 1)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(rapid.Int64Range(-1<<(8*v.Type().Size()-1), 1<<(8*v.Type().Size()-1)-1).Draw(r, "int"))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		v.SetUint(rapid.Uint64Range(0, 1<<(8*v.Type().Size())-1).Draw(r, "uint"))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(rapid.Float32().Draw(r, "float")))
	case reflect.Complex64:
		v.SetComplex(complex(float64(rapid.Float32().Draw(r, "re")), 2))
	case reflect.String:
		v.SetString(rapid.String().Draw(r, "text"))
	case reflect.Interface:
		v.Set([]reflect.Value{reflect.Zero(v.Type()), reflect.ValueOf(n), reflect.ValueOf([]any{"x", n}), reflect.ValueOf(place{"p", n})}[n])
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Slice:
		if n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Pointer:
		if n > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Map:
		if n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for i := 1; i < n; i++ {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(r, e)
			v.SetMapIndex(reflect.ValueOf(int32(-i)), e)
		}
	default:
		r.Fatalf("no %v", k)
	}
}

var east, west = time.FixedZone("east", 3600), time.FixedZone("west", -3600)

// convert is what From should do.
func convert(from, to reflect.Value) {
	switch from.Kind() {
	case reflect.Struct:
		if from.Type() == to.Type() {
			to.Set(from)
			return
		}
		for i := range from.NumField() {
			if f := to.FieldByName(from.Type().Field(i).Name); f.IsValid() {
				convert(from.Field(i), f)
			}
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		}
		for i := range from.Len() {
			convert(from.Index(i), to.Index(i))
		}
	case reflect.Array:
		for i := range from.Len() {
			convert(from.Index(i), to.Index(i))
		}
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
			convert(from.Elem(), to.Elem())
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMap(to.Type()))
		}
		for _, k := range from.MapKeys() {
			e := reflect.New(to.Type().Elem()).Elem()
			convert(from.MapIndex(k), e)
			to.SetMapIndex(k.Convert(to.Type().Key()), e)
		}
	default:
		to.Set(from.Convert(to.Type()))
	}
}

// Values of a type are read as those of a later version of it.
func TestEvolution(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		was := drawStruct(r, 3)
		now := evolve(r, was)
		old, err := Of(was)
		if err != nil {
			r.Fatal(err)
		}
		l, err := Of(now)
		if err != nil {
			r.Fatal(err)
		}
		d, err := l.From(old.Schema())
		if err != nil {
			r.Fatalf("from %v to %v: %v", was, now, err)
		}
		from, want, got := reflect.New(was), reflect.New(now), reflect.New(now)
		fill(r, from.Elem())
		convert(from.Elem(), want.Elem())
		data, err := old.Append(nil, from.UnsafePointer())
		if err != nil {
			r.Fatal(err)
		}
		data = append(data, "after"...)
		rest, err := d.Load(data, got.UnsafePointer())
		if err != nil || string(rest) != "after" {
			r.Fatalf("%v to %v: %q is left (%v)", was, now, rest, err)
		}
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			r.Fatalf("%v to %v: got %+v, want %+v", was, now, got.Elem(), want.Elem())
		}
		for range 20 { // damaged
			data := bytes.Clone(data)
			if i := rapid.IntRange(0, len(data)-1).Draw(r, "at"); rapid.Bool().Draw(r, "cut") {
				data = data[:i]
			} else {
				data[i] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
			}
			_, _ = d.Load(data, reflect.New(now).UnsafePointer())
		}
	})
}

// A list that contains itself, in two versions.
type (
	chain struct {
		n    int32
		next *chain
		gone []chain
	}
	longChain struct {
		added string
		next  *longChain
		n     int64
	}
)

func TestEvolutionOfRecursion(t *testing.T) {
	v := chain{1, &chain{2, nil, nil}, []chain{{3, nil, nil}, {4, &chain{}, nil}}}
	data, err := layoutOf[chain](t).Append(nil, unsafe.Pointer(&v))
	if err != nil {
		t.Fatal(err)
	}
	d, err := layoutOf[longChain](t).From(layoutOf[chain](t).Schema())
	if err != nil {
		t.Fatal(err)
	}
	var got longChain
	if rest, err := d.Load(data, unsafe.Pointer(&got)); err != nil || len(rest) > 0 || got.n != 1 || got.next.n != 2 || got.next.next != nil {
		t.Errorf("got %+v, %d bytes are left (%v)", got, len(rest), err)
	}
}

func TestEvolutionRefused(t *testing.T) {
	if _, err := layoutOf[struct{ _, f [0]func() }](t).From(layoutOf[struct{ f [0]func() }](t).Schema()); err != nil {
		t.Error(err)
	}
	type inner struct{ N int64 }
	type old struct {
		A struct{ List []inner }
		B [2]int
	}
	for want, now := range map[string]reflect.Type{
		".A.List[].N was stored as int64 and is now int32": reflect.TypeFor[struct {
			A struct{ List []struct{ N int32 } }
		}](),
		".A.List was stored as slice and is now map":        reflect.TypeFor[struct{ A struct{ List map[int]inner } }](),
		".A was stored as struct and is now pointer":        reflect.TypeFor[struct{ A *struct{ List []inner } }](),
		".B had 2 elements and has now 3":                   reflect.TypeFor[struct{ B [3]int }](),
		".B[] was stored as int64 and is now string, which": reflect.TypeFor[struct{ B [2]string }](),
	} {
		l, err := Of(now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.From(layoutOf[old](t).Schema()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if err := layoutOf[struct{ h []unique.Handle[int] }](t).Portable(); err == nil || !strings.Contains(err.Error(), "h[] is a unique.Handle[int]") {
		t.Errorf("got error %v", err)
	}
	if err := layoutOf[hostile](t).Portable(); err != nil {
		t.Error(err)
	}
}

// Damaged schemas give errors, and so do those of other machines.
func TestDamagedSchemas(t *testing.T) {
	s := layoutOf[hostile](t).Schema()
	if d, err := layoutOf[hostile](t).From(s); err != nil || !d.Same() {
		t.Fatalf("the schema of the type itself is not the same (%v)", err)
	}
	other := bytes.Replace(s, []byte("little-endian"), []byte("big-endian"), 1)
	if _, err := layoutOf[hostile](t).From(other); err == nil || !strings.Contains(err.Error(), "big-endian") {
		t.Errorf("got error %v", err)
	}
	var v hostile
	data, err := layoutOf[hostile](t).Append(nil, unsafe.Pointer(&hostile{s: "s", tree: &hostile{}, any: "x"}))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for i := range s {
		for _, c := range []byte(`019-"{f`) {
			bad := bytes.Clone(s)
			bad[i] = c
			d, err := layoutOf[struct{ tree, arr, m int }](t).From(bad)
			if err == nil {
				_, _ = d.Load(data, unsafe.Pointer(&v))
			}
			if d, err = layoutOf[hostile](t).From(bad); err == nil {
				var v hostile
				_, _ = d.Load(data, unsafe.Pointer(&v))
				tried++
			}
		}
	}
	if tried == 0 {
		t.Error("no damaged schema was taken: nothing was tried")
	}
}
