package state

import (
	"math"
	"strings"
	"testing"

	"github.com/affluxdev/afflux/codec"
)

type grade int8

// stored writes a value with the codec of one type and reads it with that of
// another.
func stored[From, To any](t *testing.T, v From, want To, says string) {
	t.Helper()
	from, err := codecOf[From](nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := codecOf[To](nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := from.Append([]byte("before"), &v)
	if err != nil || string(data[:6]) != "before" {
		t.Fatalf("got %q (%v)", data, err)
	}
	data = data[6:]
	var got To
	read, err := to.(codec.Evolving[To]).ForWriter(from.(codec.Evolving[From]).Schema())
	if err == nil {
		err = read.Decode(data, &got)
	}
	switch {
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("%T %v as %T: got %v (%v), want an error of %q", v, v, want, got, err, says)
	case says == "" && (err != nil || any(got) != any(want)):
		t.Errorf("%T %v as %T: got %v (%v), want %v", v, v, want, got, err, want)
	}
}

func both[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		stored(t, v, v, "")
	}
}

func TestScalars(t *testing.T) {
	both(t, true, false)
	both[int](t, 0, 1, -1, math.MinInt, math.MaxInt)
	both[int8](t, 0, math.MinInt8, math.MaxInt8)
	both[int16](t, math.MinInt16, math.MaxInt16)
	both[int32](t, math.MinInt32, math.MaxInt32)
	both[int64](t, math.MinInt64, math.MaxInt64)
	both[uint](t, 0, math.MaxUint)
	both[uint8](t, math.MaxUint8)
	both[uint16](t, math.MaxUint16)
	both[uint32](t, math.MaxUint32)
	both[uint64](t, math.MaxUint64)
	both[uintptr](t, math.MaxUint32)
	both[float32](t, 1.5, float32(math.Inf(-1)), math.SmallestNonzeroFloat32)
	both[float64](t, -1.25, math.Inf(1), math.MaxFloat64)
	both(t, "", "text \x00 \xff")
	both[grade](t, -3)
}

func TestScalarsOfOtherTypes(t *testing.T) {
	stored(t, int32(-7), int64(-7), "")
	stored(t, int64(-128), grade(-128), "")
	stored(t, int64(128), grade(0), "128 does not fit into state.grade")
	stored(t, uint64(math.MaxUint64), int64(0), "18446744073709551615 does not fit into int64")
	stored(t, uint64(math.MaxInt64), int64(math.MaxInt64), "")
	stored(t, int64(-1), uint64(0), "-1 does not fit into uint64")
	stored(t, int64(-1), uint8(0), "-1 does not fit")
	stored(t, int64(255), uint8(255), "")
	stored(t, int64(256), uint8(0), "256 does not fit")
	stored(t, int(-5), float64(-5), "")
	stored(t, uint64(1<<63), float64(1<<63), "")
	stored(t, float32(0.5), 0.5, "")
	stored(t, 0.5, float32(0), "stored as float64, which cannot be read as float32")
	stored(t, 0.5, int64(0), "cannot be read as int64")
	stored(t, "1", int64(0), "stored as string, which cannot be read as int64")
	stored(t, true, uint8(0), "stored as bool, which cannot be read as uint8")
}

func FuzzScalar(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reread[bool](t, data)
		reread[int16](t, data)
		reread[uint32](t, data)
		reread[float32](t, data)
		reread[float64](t, data)
		reread[string](t, data)
	})
}

// reread: what can be read is the same after it was written.
func reread[T any](t *testing.T, data []byte) {
	c := newScalar[T]()
	var v, again T
	if c.Decode(data, &v) != nil {
		return
	}
	written, err := c.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(written, &again); err != nil || any(v) != any(again) && any(v) == any(v) {
		t.Errorf("%T %v is read again as %v (%v)", v, v, again, err)
	}
}

func TestScalarsAreNotAllocated(t *testing.T) {
	c := newScalar[int64]()
	buf := make([]byte, 0, 16)
	v := int64(12345)
	if n := testing.AllocsPerRun(100, func() {
		b, err := c.Append(buf, &v)
		if err != nil || c.Decode(b, &v) != nil {
			t.Error("it cannot be read")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
