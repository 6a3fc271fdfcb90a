package codec_test

import (
	"encoding/csv"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
)

type embedded struct {
	Flag bool `csv:"flag"`
}

type wide struct {
	embedded
	Tiny   int8          `csv:"tiny"`
	U      uint16        `csv:"u"`
	F      float32       `csv:"f"`
	Raw    []byte        `csv:"raw"`
	Maybe  *int          `csv:"maybe"`
	Wait   time.Duration `csv:"wait"`
	Addr   netip.Addr    `csv:"addr"`
	Skip   chan int      `csv:"-"`
	hidden int
	When   time.Time
}

func TestStructRowsTypes(t *testing.T) {
	rows := must[codec.Rows[wide]](t)(codec.StructRows[wide](codec.TimeLayouts("02.01.2006 15:04", "2006")))
	enc, dec := rows.NewEncoder(), rows.NewDecoder()
	if want := []string{"flag", "tiny", "u", "f", "raw", "maybe", "wait", "addr", "When"}; !slices.Equal(enc.Header(), want) {
		t.Fatalf("got header %q, want %q", enc.Header(), want)
	}
	if err := dec.Header([]string{"WHEN", "addr", "wait", "maybe", "raw", "f", "u", "tiny", "flag"}); err != nil {
		t.Fatal(err)
	}
	var v wide
	v.hidden = 3
	if err := dec.DecodeRow([]string{"2001", "::1", "1m30s", "", "a,b", "0.1", "65535", "-128", "true"}, &v); err != nil {
		t.Fatal(err)
	}
	want := wide{embedded: embedded{true}, Tiny: -128, U: 65535, F: 0.1, Raw: []byte("a,b"), Wait: 90 * time.Second, Addr: netip.MustParseAddr("::1"), When: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got %+v, want %+v", v, want)
	}
	var row codec.Row
	row.Begin(nil, ',')
	if err := enc.EncodeRow(&row, &want); err != nil {
		t.Fatal(err)
	}
	if got, want := string(row.End()), `true,-128,65535,0.1,"a,b",,1m30s,::1,01.01.2001 00:00`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	one := 1
	want.Maybe = &one
	if err := dec.DecodeRow([]string{"2001", "::1", "1m30s", "1", "a,b", "0.1", "65535", "-128", "true"}, &v); err != nil || v.Maybe == nil || *v.Maybe != 1 {
		t.Errorf("got %v, %v, want a pointer to 1", v.Maybe, err)
	}
}

func TestRowErrorsNameTheColumn(t *testing.T) {
	rows := must[codec.Rows[order]](t)(codec.StructRows[order]())
	dec := rows.NewDecoder()
	if err := dec.Header([]string{"id", "item", "price", "placed"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ row, want string }{
		{"x,a,1,2001-01-01 00:00:00", `column "id": "x": not a whole number`},
		{"99999999999999999999,a,1,2001-01-01 00:00:00", `too large`},
		{"1,a,,2001-01-01 00:00:00", `column "price" is empty`},
		{"1,a,1,01/02/2003", `column "placed": "01/02/2003": not a time in the form`},
		{"1,a", "2 fields, but the header has 4 columns"},
	} {
		var v order
		err := dec.DecodeRow(strings.Split(c.row, ","), &v)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.row, err, c.want)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	strict := must[codec.Rows[order]](t)(codec.StructRows[order]())
	loose := must[codec.Rows[order]](t)(codec.StructRows[order](codec.IgnoreUnknown(), codec.AllowMissing()))
	for _, c := range []struct{ header, want string }{
		{"id,item,price", `no column "placed"`},
		{"id,item,price,placed,colour", `unknown column "colour"`},
		{"id,item,price,placed,id", `"id" twice`},
		{"id,item,price,placed,ID", `two columns`},
	} {
		err := strict.NewDecoder().Header(strings.Split(c.header, ","))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.header, err, c.want)
		}
	}
	dec := loose.NewDecoder()
	if err := dec.Header([]string{"colour", "id"}); err != nil {
		t.Fatal(err)
	}
	var v order
	if err := dec.DecodeRow([]string{"red", "5"}, &v); err != nil || v.ID != 5 {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestStructRowsRefusesTypes(t *testing.T) {
	if _, err := codec.StructRows[int](); err == nil {
		t.Error("int was accepted")
	}
	if _, err := codec.StructRows[struct{ C chan int }](); err == nil {
		t.Error("a channel was accepted")
	}
	if _, err := codec.StructRows[struct{ c int }](); err == nil {
		t.Error("a struct without columns was accepted")
	}
	if _, err := codec.StructRows[struct {
		A int `csv:"x"`
		B int `csv:"x"`
	}](); err == nil {
		t.Error("a column was accepted twice")
	}
}

func TestDecodeRowAllocatesLittle(t *testing.T) {
	rows := must[codec.Rows[order]](t)(codec.StructRows[order]())
	dec := rows.NewDecoder()
	if err := dec.Header([]string{"id", "item", "price", "placed"}); err != nil {
		t.Fatal(err)
	}
	s := codec.Splitter{}
	line := []byte("12345,JFK,17.25,2001-01-01 00:03:00")
	var v order
	if n := testing.AllocsPerRun(100, func() {
		fields, err := s.Split(line)
		if err == nil {
			err = dec.DecodeRow(fields, &v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations a row, want none", n)
	}
}

// FuzzSplit compares with encoding/csv, which is an independent reading of RFC 4180.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "a,b", `"a,b",c`, `"a""b"`, `"a`, `a"b`, `"a"b`, "\"a\nb\",c", ",,", `"",""`, `"a""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, row string) {
		if strings.Contains(row, "\r") || strings.HasSuffix(row, "\n") {
			return // line endings are not the splitter's business
		}
		var s codec.Splitter
		got, err := s.Split([]byte(row))
		lines, open, whole := strings.Split(row, "\n"), false, true
		for i, l := range lines {
			open = s.Open([]byte(l), open)
			if i < len(lines)-1 && !open {
				whole = false
			}
		}
		if errors.Is(err, codec.ErrQuoteOpen) && whole && !open {
			t.Fatalf("Split says that a quote is open in %q, Open says no", row)
		}
		if err == nil && whole && open {
			t.Fatalf("Open says that a quote is open in %q, Split says no", row)
		}
		if row == "" || !whole {
			return
		}
		want, wantErr := csv.NewReader(strings.NewReader(row)).Read()
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: got %q, %v; encoding/csv: %q, %v", row, got, err, want, wantErr)
		}
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, encoding/csv: %q", row, got, want)
		}
	})
}

func BenchmarkDecodeRow(b *testing.B) {
	rows := must[codec.Rows[order]](b)(codec.StructRows[order]())
	dec := rows.NewDecoder()
	if err := dec.Header([]string{"id", "item", "price", "placed"}); err != nil {
		b.Fatal(err)
	}
	s := codec.Splitter{}
	line := []byte("12345,JFK,17.25,2001-01-01 00:03:00")
	var v order
	for b.Loop() {
		fields, _ := s.Split(line)
		if err := dec.DecodeRow(fields, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRowFloat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 32: "32.0", -7: "-7.0", 113.5: "113.5", 0.1: "0.1", 1e20: "100000000000000000000.0",
		1e21: "1e+21", 1e-7: "1e-07", math.Inf(1): "+Inf",
	} {
		var r codec.Row
		r.Begin(nil, ',')
		r.Float(v, 64)
		if got := string(r.End()); got != want {
			t.Errorf("%g is written as %q, want %q", v, got, want)
		}
	}
}
