package generator

import (
	"math"
	"strings"
)

// text has 3 to longest-1 letters, one in 13 of them the separator. Spaces at
// its ends are cut off.
func (d *draw) text(longest int32, separator byte) string {
	const shortest = 3
	b := make([]byte, shortest+d.r.Int32N(longest-shortest))
	for i := range b {
		if d.r.Int32N(13) == 0 {
			b[i] = separator
		} else {
			b[i] = 'a' + byte(d.r.Int32N(26))
		}
	}
	return strings.Trim(string(b), " ")
}

// extra fills an event up from size to about average bytes.
func (d *draw) extra(size int, average int32) string {
	if size > int(average) {
		return ""
	}
	rest := average - int32(size)
	spread := int32(math.Floor(float64(rest)*0.2 + 0.5))
	n := rest - spread
	if spread > 0 {
		n += d.r.Int32N(2 * spread)
	}
	return d.letters(int(n))
}

// letters are n characters, six of each draw. Draws may be negative: Java's
// remainder then counts down from 'a', which is kept, so that texts are equal.
func (d *draw) letters(n int) string {
	b := make([]byte, n)
	var v int32
	for i := range b {
		if i%6 == 0 {
			v = d.r.Int32()
		}
		b[i] = byte('a' + v%26)
		v /= 26
	}
	return string(b)
}
