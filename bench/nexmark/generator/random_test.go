package generator

import "testing"

// TestRandomIsJavas has values that Java's own class is published to give.
func TestRandomIsJavas(t *testing.T) {
	r := NewRandom(42)
	for i, want := range []int32{-1170105035, 234785527, -1360544799, 205897768} {
		if got := r.Int32(); got != want {
			t.Errorf("nextInt %d of seed 42 is %d, want %d", i, got, want)
		}
	}
	r = NewRandom(42)
	for i, want := range []int32{30, 63, 48, 84, 70} {
		if got := r.Int32N(100); got != want {
			t.Errorf("nextInt(100) %d of seed 42 is %d, want %d", i, got, want)
		}
	}
	if got := NewRandom(42).Float64(); got != 0.7275636800328681 {
		t.Errorf("nextDouble of seed 42 is %v", got)
	}
	if got := NewRandom(42).Int64(); got != -5025562857975149833 {
		t.Errorf("nextLong of seed 42 is %v", got)
	}
	r = NewRandom(0)
	for i, want := range []float64{0.730967787376657, 0.24053641567148587} {
		if got := r.Float64(); got != want {
			t.Errorf("nextDouble %d of seed 0 is %v, want %v", i, got, want)
		}
	}
}

// TestRandomSaysHello is the known puzzle: two seeds whose letters say
// "hello world".
func TestRandomSaysHello(t *testing.T) {
	word := func(seed int64) (s string) {
		r := NewRandom(seed)
		for k := r.Int32N(27); k != 0; k = r.Int32N(27) {
			s += string('`' + k)
		}
		return s
	}
	if got := word(-229985452) + " " + word(-147909649); got != "hello world" {
		t.Errorf("got %q", got)
	}
}

// TestRandomBounds meets powers of two and a bound at which every second
// number is drawn again.
func TestRandomBounds(t *testing.T) {
	for _, n := range []int32{1, 2, 13, 64, 1 << 30, 1<<30 + 1} {
		r := NewRandom(int64(n))
		for range 1000 {
			if v := r.Int32N(n); v < 0 || v >= n {
				t.Fatalf("a number below %d is %d", n, v)
			}
		}
	}
}
