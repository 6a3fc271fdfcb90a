package codec_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/codec"
)

type stock struct {
	Name  string
	Count int32
	Gone  []string
	Place place
	Spare *place
}

type place struct{ Shelf int32 }

type laterPlace struct {
	Shelf int64
	Room  string
	Tags  map[string]int
}

type textStock struct{ Count string }

type shop struct{ Street string }

type laterStock struct {
	Added time.Time
	Place laterPlace
	Spare *laterPlace
	Count int64
	Name  string
	Key   [4]byte
	Shop  shop
	Shops []shop
	Near  *shop
}

func TestAvroEvolves(t *testing.T) {
	was := must[codec.Codec[stock]](t)(codec.AvroOf[stock]())
	now := must[codec.Codec[laterStock]](t)(codec.AvroOf[laterStock]())
	v := stock{Name: "nails", Count: 7, Gone: []string{"a", "b"}}
	v.Place.Shelf, v.Spare = 3, &place{4}
	data, err := was.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := now.(codec.Evolving[laterStock]).ForWriter(was.(codec.Evolving[stock]).Schema())
	if err != nil {
		t.Fatal(err)
	}
	got := laterStock{Shop: shop{"old"}, Key: [4]byte{1}}
	if err := c.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	want := laterStock{Name: "nails", Count: 7, Added: got.Added}
	want.Place, want.Spare, want.Shops = laterPlace{Shelf: 3, Tags: got.Place.Tags}, &laterPlace{Shelf: 4, Tags: got.Place.Tags}, got.Shops
	if !reflect.DeepEqual(got, want) || len(got.Shops)+len(got.Place.Tags) > 0 || got.Added.UnixMilli() != 0 && !got.Added.IsZero() {
		t.Errorf("got %+v, want %+v", got, want)
	}
	again, err := c.Append(nil, &got)
	if err != nil {
		t.Fatal(err)
	}
	var back laterStock
	if err := now.Decode(again, &back); err != nil || back.Name != "nails" || back.Place.Shelf != 3 {
		t.Errorf("got %+v (%v)", back, err)
	}
	if same, err := now.(codec.Evolving[laterStock]).ForWriter(now.(codec.Evolving[laterStock]).Schema()); err != nil || same != now {
		t.Errorf("the codec of the same schema is another one (%v)", err)
	}
}

func TestAvroDoesNotEvolve(t *testing.T) {
	was := must[codec.Codec[stock]](t)(codec.AvroOf[stock]()).(codec.Evolving[stock])
	now := must[codec.Codec[textStock]](t)(codec.AvroOf[textStock]()).(codec.Evolving[textStock])
	if _, err := now.ForWriter(was.Schema()); err == nil || !strings.Contains(err.Error(), "Count") {
		t.Errorf("got error %v, want one with the name of the field", err)
	}
	if _, err := now.ForWriter(`{"type":`); err == nil {
		t.Error("a broken schema was taken")
	}
}
