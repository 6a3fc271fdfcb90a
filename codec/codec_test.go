package codec_test

import (
	"bytes"
	"encoding/json/v2"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
)

type order struct {
	ID     int64     `json:"id" csv:"id" avro:"id"`
	Item   string    `json:"item" csv:"item" avro:"item"`
	Price  float64   `json:"price" csv:"price" avro:"price"`
	Placed time.Time `json:"placed" csv:"placed" avro:"placed,timestamp-nanos"`
}

func must[C any](t testing.TB) func(C, error) C {
	return func(c C, err error) C {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func orderCodecs(t testing.TB) map[string]codec.Codec[order] {
	rows := must[codec.Rows[order]](t)(codec.StructRows[order]())
	return map[string]codec.Codec[order]{
		"json": codec.JSON[order](),
		"csv":  must[codec.Codec[order]](t)(codec.CSVRow(rows, ';')),
		"avro": must[codec.Codec[order]](t)(codec.AvroOf[order]()),
	}
}

var orders = []order{
	{},
	{1, "plain", 1.5, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
	{math.MinInt64, "quote \" semicolon ; newline \n comma , end", -1e-9, time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)},
	{math.MaxInt64, " ", 1e300, time.Unix(0, 0).UTC()},
	{3, "größer 中", math.MaxFloat64, time.Unix(1, 999).UTC()},
}

func TestRoundTrip(t *testing.T) {
	for name, c := range orderCodecs(t) {
		t.Run(name, func(t *testing.T) {
			got := order{ID: 99, Item: "old", Price: 9, Placed: time.Now()}
			for _, want := range orders {
				if name == "avro" && want.Placed.IsZero() {
					continue // the year 1 is out of the range of timestamp-nanos
				}
				data, err := c.Append([]byte("head"), &want)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.HasPrefix(data, []byte("head")) {
					t.Fatalf("Append lost what was in dst: %q", data)
				}
				data = data[4:]
				if err := c.Decode(data, &got); err != nil {
					t.Fatalf("%q: %v", data, err)
				}
				for i := range data {
					data[i] = 'X' // the decoder may not refer to its input
				}
				if !got.Placed.Equal(want.Placed) {
					t.Fatalf("got time %v, want %v", got.Placed, want.Placed)
				}
				got.Placed = want.Placed
				if got != want {
					t.Fatalf("got %+v, want %+v", got, want)
				}
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	bad := map[string][]string{
		"json": {"", "{", `{"id":"x"}`, `{"id":1}{}`, `{"id":1,"id":2}`},
		"csv":  {"", "1;a;2", "x;a;1;2001-01-01 00:00:00", "1;a;;2001-01-01 00:00:00", `1;"a;1;2001-01-01 00:00:00`, "1;a;1;yesterday"},
		"avro": {"", "\x02", "\x02\x02a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	}
	for name, c := range orderCodecs(t) {
		for _, data := range bad[name] {
			var v order
			if err := c.Decode([]byte(data), &v); err == nil {
				t.Errorf("%s: %q was accepted as %+v", name, data, v)
			}
		}
	}
}

func TestJSONOptions(t *testing.T) {
	var v order
	if err := codec.JSON[order]().Decode([]byte(`{"id":1,"colour":"red"}`), &v); err != nil {
		t.Errorf("an unknown member is ignored by default, got %v", err)
	}
	if err := codec.JSON[order](json.RejectUnknownMembers(true)).Decode([]byte(`{"id":1,"colour":"red"}`), &v); err == nil {
		t.Error("an unknown member was accepted with RejectUnknownMembers")
	}
}

func TestJSONErrorLeavesDst(t *testing.T) {
	f := math.NaN()
	dst, err := codec.JSON[float64]().Append([]byte("ab"), &f)
	if err == nil || string(dst) != "ab" {
		t.Errorf("got %q and %v, want ab and an error", dst, err)
	}
}

func TestRawCodecsCopy(t *testing.T) {
	data := []byte("hello")
	var b []byte
	var s string
	if err := codec.Bytes().Decode(data, &b); err != nil {
		t.Fatal(err)
	}
	if err := codec.String().Decode(data, &s); err != nil {
		t.Fatal(err)
	}
	copy(data, "XXXXX")
	if string(b) != "hello" || s != "hello" {
		t.Errorf("got %q and %q after the input changed", b, s)
	}
	out, _ := codec.Bytes().Append([]byte("1"), &b)
	out, _ = codec.String().Append(out, &s)
	if string(out) != "1hellohello" {
		t.Errorf("got %q", out)
	}
}

func TestAvroResolved(t *testing.T) {
	const v1 = `{"type":"record","name":"o","fields":[{"name":"id","type":"int"},{"name":"gone","type":"string"}]}`
	const v2 = `{"type":"record","name":"o","fields":[{"name":"id","type":"long"},{"name":"note","type":"string","default":"none"}]}`
	type old struct {
		ID   int32  `avro:"id"`
		Gone string `avro:"gone"`
	}
	type now struct {
		ID   int64  `avro:"id"`
		Note string `avro:"note"`
	}
	w := must[codec.Codec[old]](t)(codec.Avro[old](v1))
	r := must[codec.Codec[now]](t)(codec.AvroResolved[now](v1, v2))
	data, err := w.Append(nil, &old{7, "x"})
	if err != nil {
		t.Fatal(err)
	}
	var v now
	if err := r.Decode(data, &v); err != nil || v != (now{7, "none"}) {
		t.Errorf("got %+v, %v", v, err)
	}
	if _, err := codec.Avro[now]("{"); err == nil {
		t.Error("a broken schema was accepted")
	}
}

// TestSharedCodec has value only under the race detector.
func TestSharedCodec(t *testing.T) {
	for name, c := range orderCodecs(t) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var buf []byte
				var err error
				for range 200 {
					if buf, err = c.Append(buf[:0], &orders[1]); err != nil {
						t.Error(name, err)
						return
					}
					var v order
					if err := c.Decode(buf, &v); err != nil || v.Item != "plain" {
						t.Error(name, v, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func FuzzCodecs(f *testing.F) {
	codecs := orderCodecs(f)
	for _, c := range codecs {
		for _, o := range orders[1:] {
			data, err := c.Append(nil, &o)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(`1;"a""`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		for name, c := range codecs {
			var v, again order
			if c.Decode(data, &v) != nil {
				continue
			}
			if !bytes.Equal(data, before) {
				t.Fatalf("%s: Decode changed its input", name)
			}
			out, err := c.Append(nil, &v)
			if err != nil {
				continue // a value that this form cannot hold, such as a NaN in JSON
			}
			if err := c.Decode(out, &again); err != nil {
				t.Fatalf("%s: cannot read back %q: %v", name, out, err)
			}
			if !again.Placed.Equal(v.Placed) && name != "csv" { // a time zone of odd seconds has no RFC 3339 form
				t.Fatalf("%s: time %v became %v", name, v.Placed, again.Placed)
			}
			v.Placed, again.Placed = time.Time{}, time.Time{}
			if !reflect.DeepEqual(v, again) && v.Price == v.Price {
				t.Fatalf("%s: %+v became %+v", name, v, again)
			}
		}
	})
}

func TestCSVRowColumns(t *testing.T) {
	rows := must[codec.Rows[order]](t)(codec.StructRows[order](codec.AllowMissing()))
	c := must[codec.Codec[order]](t)(codec.CSVRow(rows, 0, "item", "id"))
	var v order
	if err := c.Decode([]byte("pear,4\r\n"), &v); err != nil || v.Item != "pear" || v.ID != 4 {
		t.Errorf("got %+v, %v", v, err)
	}
	if _, err := c.Append(nil, &v); err == nil || !strings.Contains(err.Error(), "item") {
		t.Errorf("columns in another order were written: %v", err)
	}
	if _, err := codec.CSVRow(rows, '"'); err == nil {
		t.Error(`" was accepted as a separator`)
	}
}
