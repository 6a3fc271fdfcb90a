package terminal

import (
	"math"
	"strings"
)

// Colours of the sixteen that every terminal has, so that the user's theme
// decides how they look.
const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

// brush paints text, or leaves it alone when the terminal wants no colour.
type brush bool

func (b brush) paint(code, s string) string {
	if !b || code == "" || s == "" {
		return s
	}
	return code + s + reset
}

// parts of a bar, in this order. Each has its own shade, so that the bar reads
// without colour as well.
var parts = [...]struct{ glyph, colour, name string }{
	{"█", green, "busy"},
	{"▓", cyan, "waits outside"},
	{"▒", red, "blocked"},
	{"·", dim, "idle"},
}

// bar draws shares of busy (outside excluded), outside, blocked and idle in
// width cells. Shares that do not sum to 1 are filled up with idle.
func (b brush) bar(busy, outside, blocked float64, width int) string {
	shares := [...]float64{busy, outside, blocked}
	var s strings.Builder
	sum, drawn := 0.0, 0
	for i, share := range shares {
		if share > 0 { // false for NaN
			sum += share
		}
		// Ends are rounded, not lengths: errors do not add up.
		end := min(int(math.Round(sum*float64(width))), width)
		s.WriteString(b.paint(parts[i].colour, strings.Repeat(parts[i].glyph, end-drawn)))
		drawn = end
	}
	s.WriteString(b.paint(parts[3].colour, strings.Repeat(parts[3].glyph, width-drawn)))
	return s.String()
}

// legend explains the bar.
func (b brush) legend() string {
	var s []string
	for _, p := range parts {
		s = append(s, b.paint(p.colour, p.glyph)+" "+p.name)
	}
	return strings.Join(s, "  ")
}

// legendWidth is its width in cells.
func legendWidth() int { return cells.StringWidth(brush(false).legend()) }
