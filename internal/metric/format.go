package metric

import (
	"math"
	"strconv"
)

// FormatCount writes a number for people, in at most five characters for
// numbers from 0 to 999 T: 0, 3.2, 999, 12.3k, 456k, 7.8M, 9.1G.
func FormatCount(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "?"
	}
	if v < 0 {
		return "-" + FormatCount(-v)
	}
	suffixes := [...]string{"", "k", "M", "G", "T"}
	i := 0
	for v >= 999.5 && i < len(suffixes)-1 {
		v, i = v/1000, i+1
	}
	return shortest(v, i > 0) + suffixes[i]
}

// FormatBytes writes a number of bytes for people: 512 B, 4.5 MiB, 128 MiB.
func FormatBytes(n int64) string {
	if n < 0 {
		return "-" + FormatBytes(-max(n, -math.MaxInt64))
	}
	suffixes := [...]string{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"}
	v, i := float64(n), 0
	for v >= 1023.5 && i < len(suffixes)-1 {
		v, i = v/1024, i+1
	}
	return shortest(v, i > 0) + suffixes[i]
}

// shortest keeps one decimal below 100, and none of a whole number that has
// no larger unit.
func shortest(v float64, scaled bool) string {
	if v >= 99.95 || !scaled && (v >= 9.95 || v == math.Trunc(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// FormatWhole writes a whole number for people, with its digits in groups of
// three: 999, 1 234 567.
func FormatWhole(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return sign + digits
}
