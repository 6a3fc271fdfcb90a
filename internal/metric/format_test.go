package metric

import (
	"math"
	"testing"
)

func TestFormatCount(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.04: "0.0", 3.25: "3.2", 7: "7", 42.4: "42", 999: "999", 999.6: "1.0k",
		1000: "1.0k", 12345: "12.3k", 99_960: "100k", 456_000: "456k", 999_600: "1.0M",
		7_800_000: "7.8M", 9.1e9: "9.1G", -1500: "-1.5k", math.Inf(1): "?",
	} {
		if got := FormatCount(v); got != want {
			t.Errorf("FormatCount(%v) = %q, want %q", v, got, want)
		}
	}
	if got := FormatCount(math.NaN()); got != "?" {
		t.Errorf("FormatCount(NaN) = %q", got)
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 512: "512 B", 1023: "1023 B", 1024: "1.0 KiB", 4608: "4.5 KiB",
		1<<20 - 1: "1.0 MiB", 128 << 20: "128 MiB", 5 << 30: "5.0 GiB", -2048: "-2.0 KiB",
		math.MinInt64: "-8.0 EiB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFormatWhole(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1 000", 123456: "123 456", 1234567: "1 234 567", -1234: "-1 234", -123: "-123",
		math.MinInt64: "-9 223 372 036 854 775 808",
	} {
		if got := FormatWhole(n); got != want {
			t.Errorf("FormatWhole(%d) = %q, want %q", n, got, want)
		}
	}
}
