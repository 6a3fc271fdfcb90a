package event_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"pgregory.net/rapid"
)

// Stored state is addressed by these values: they may never change.
func TestHashesAreStable(t *testing.T) {
	for v, want := range map[uint64]uint64{
		0: 0x7128fd491f20818f, 1: 0xbd7352acd7a0ddf, 42: 0x9c443e651b1c5300, math.MaxUint64: 0x90f5b8fa8ec50f1e,
	} {
		if got := event.HashUint64(v); got != want {
			t.Errorf("HashUint64(%d) = %#x, want %#x", v, got, want)
		}
	}
	for s, want := range map[string]uint64{
		"":  0x2d06800538d394c2, // published for XXH3
		"a": 0xe6c632b61e964e1f, "user-000000000001": 0xda5eea1fcab7d7fa,
	} {
		if got := event.HashString(s); got != want {
			t.Errorf("HashString(%q) = %#x, want %#x", s, got, want)
		}
	}
	if got, want := hash(t, mixed{City: "Paris", ID: 7, Ratio: 0.5}), uint64(0x560e0e842570da2e); got != want {
		t.Errorf("struct: %#x, want %#x", got, want)
	}
	if got, want := hash(t, [16]byte{1, 2, 3}), uint64(0x7b7bd828c40496a0); got != want {
		t.Errorf("[16]byte: %#x, want %#x", got, want)
	}
}

type (
	city  string
	point struct{ X, Y int32 }
	mixed struct {
		City  city
		ID    uint64
		_     uint32
		On    bool
		Small int8
		Grid  [2][3]point
		UUID  [16]byte
		Ratio float64
		Wave  complex128
	}
)

func hash[K comparable](t interface{ Fatal(...any) }, k K) uint64 {
	f, err := event.HasherOf[K]()
	if err != nil {
		t.Fatal(err)
	}
	return f(&k)
}

func TestWidthsAgree(t *testing.T) {
	want := event.HashUint64(7)
	for i, got := range []uint64{
		hash(t, int8(7)), hash(t, int16(7)), hash(t, int32(7)), hash(t, int64(7)), hash(t, 7), hash(t, uint8(7)),
		hash(t, uint16(7)), hash(t, uint32(7)), hash(t, uint64(7)), hash(t, uint(7)), hash(t, time.Duration(7)),
	} {
		if got != want {
			t.Errorf("width %d: %#x, want %#x", i, got, want)
		}
	}
	if hash(t, int8(-1)) != hash(t, int64(-1)) {
		t.Error("negative integers are not widened with their sign")
	}
	if hash(t, city("Paris")) != event.HashString("Paris") {
		t.Error("a named string hashes differently")
	}
}

func TestEqualKeysHaveEqualHashes(t *testing.T) {
	f, err := event.HasherOf[mixed]()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func() mixed {
			small := rapid.IntRange(0, 1)
			return mixed{
				City: city(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "city")),
				ID:   uint64(small.Draw(t, "id")), On: rapid.Bool().Draw(t, "on"),
				Grid:  [2][3]point{1: {2: {Y: int32(small.Draw(t, "y"))}}},
				UUID:  [16]byte{15: byte(small.Draw(t, "uuid"))},
				Ratio: rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1}).Draw(t, "ratio"),
				Wave:  complex(0, rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1}).Draw(t, "wave")),
			}
		}
		a, b := draw(), draw()
		if (a == b) != (f(&a) == f(&b)) {
			t.Fatalf("%+v and %+v: equal %v, hashes %#x and %#x", a, b, a == b, f(&a), f(&b))
		}
		if f(&a) == 0 {
			t.Fatal("hash is 0")
		}
	})
}

func TestNaNsHaveOneHash(t *testing.T) {
	a, b := math.NaN(), math.Float64frombits(0xfff8000000001234)
	if hash(t, a) != hash(t, b) || hash(t, float32(a)) != hash(t, a) {
		t.Error("NaNs differ")
	}
	if hash(t, 0.0) != hash(t, math.Copysign(0, -1)) {
		t.Error("0 and -0 differ")
	}
}

func TestNeverZero(t *testing.T) {
	// Solve for the integer whose first product has the low half that the
	// second round turns into 0.
	const add, mul, low = 0x2d358dccaa6c78a5, 0x8bb84b93962eacc9, 0x4b33a62ed433d4a3
	inverse := uint64(1)
	for range 6 {
		inverse *= 2 - mul*inverse
	}
	v := low*inverse ^ add
	if got := event.HashUint64(v); got != 1 {
		t.Errorf("HashUint64(%#x) = %#x, want 1 in place of 0", v, got)
	}
}

func TestBlankFieldsAreIgnored(t *testing.T) {
	type key struct {
		A uint32
		_ uint32
	}
	type raw struct{ A, B uint32 }
	f, err := event.HasherOf[key]()
	if err != nil {
		t.Fatal(err)
	}
	a, b := raw{1, 2}, raw{1, 3}
	if f(reinterpret[key](&a)) != f(reinterpret[key](&b)) {
		t.Error("a blank field changes the hash")
	}
}

func refused[K comparable](t *testing.T, words ...string) {
	t.Helper()
	_, err := event.HasherOf[K]()
	if err == nil {
		t.Errorf("%T is accepted", *new(K))
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestKeysWithoutStableHash(t *testing.T) {
	type inner struct{ Ref *int }
	type outer struct {
		ID   int
		List [3]inner
	}
	refused[outer](t, "List[].Ref", "pointer", "use the value or an id")
	refused[*int](t, "it is *int", "pointer")
	refused[struct{ V any }](t, "V is interface", "concrete type")
	refused[chan int](t, "chan")
	refused[struct{ At time.Time }](t, "At", "time zone", "UnixNano()")
}

// Low bits choose the slot of a table and the top seven the key group: both
// have to be even for the keys that people use.
func TestBitsAreEven(t *testing.T) {
	const n = 1 << 16
	families := map[string]func(i uint64) uint64{
		"counter":      func(i uint64) uint64 { return i },
		"negative":     func(i uint64) uint64 { return -i },
		"thousands":    func(i uint64) uint64 { return i * 1000 },
		"nanoseconds":  func(i uint64) uint64 { return 1_700_000_000_000_000_000 + i*1_000_000_000 },
		"golden":       func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 },
		"two halves":   func(i uint64) uint64 { return i>>8<<32 | i&0xff },
		"float":        func(i uint64) uint64 { return math.Float64bits(float64(i)) },
		"shifted by 8": func(i uint64) uint64 { return i << 8 }, "shifted by 16": func(i uint64) uint64 { return i << 16 },
		"shifted by 24": func(i uint64) uint64 { return i << 24 }, "shifted by 32": func(i uint64) uint64 { return i << 32 },
		"shifted by 40": func(i uint64) uint64 { return i << 40 }, "shifted by 48": func(i uint64) uint64 { return i << 48 },
	}
	for name, f := range families {
		for what, bucket := range map[string]func(uint64) uint64{
			"group": func(h uint64) uint64 { return h >> 57 },
			"low":   func(h uint64) uint64 { return h & 127 },
			"slot":  func(h uint64) uint64 { return h >> 10 & 127 },
		} {
			var count [128]float64
			for i := range uint64(n) {
				count[bucket(event.HashUint64(f(i)))]++
			}
			const expect = n / 128.0
			chi := 0.0
			for _, c := range count {
				chi += (c - expect) * (c - expect) / expect
			}
			if chi > 127+6*math.Sqrt(2*127) { // mean + 6 standard deviations
				t.Errorf("%s: %s bits are uneven: chi² %.0f", name, what, chi)
			}
		}
	}
}

func TestHashingDoesNotAllocate(t *testing.T) {
	f, err := event.HasherOf[mixed]()
	if err != nil {
		t.Fatal(err)
	}
	k, s, sum := mixed{City: "Paris"}, "Paris", uint64(0)
	if n := testing.AllocsPerRun(100, func() { sum += f(&k) + event.HashString(s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGroupRangesCoverAllGroups(t *testing.T) {
	for parallelism := 1; parallelism <= 2*event.KeyGroups; parallelism++ {
		next := 0
		for s := range parallelism {
			from, to := event.GroupRange(s, parallelism)
			if from != next || to < from || to-from > event.KeyGroups/parallelism+1 {
				t.Fatalf("parallelism %d: subtask %d owns [%d,%d), expected from %d", parallelism, s, from, to, next)
			}
			for g := from; g < to; g++ {
				if event.SubtaskOf(g, parallelism) != s {
					t.Fatalf("parallelism %d: group %d goes to %d, is owned by %d", parallelism, g, event.SubtaskOf(g, parallelism), s)
				}
			}
			next = to
		}
		if next != event.KeyGroups {
			t.Fatalf("parallelism %d: %d groups owned", parallelism, next)
		}
	}
	if event.KeyGroup(math.MaxUint64) != event.KeyGroups-1 || event.KeyGroup(1) != 0 {
		t.Error("KeyGroup is not the top seven bits")
	}
}

func BenchmarkHash(b *testing.B) {
	keys, sum := [1024]uint64{}, uint64(0)
	for i := range keys {
		keys[i] = uint64(i)
	}
	b.Run("uint64", func(b *testing.B) {
		for i := range b.N {
			sum += event.HashUint64(keys[i&1023])
		}
	})
	b.Run("struct", func(b *testing.B) {
		f, _ := event.HasherOf[point]()
		k := point{1, 2}
		for b.Loop() {
			sum += f(&k)
		}
	})
	b.Run("string18", func(b *testing.B) {
		s := "user-000000000001x"
		for b.Loop() {
			sum += event.HashString(s)
		}
	})
}
