package window

import (
	"fmt"
	"math"
)

// MaxCount is the largest number of records that a window may be defined by.
const MaxCount = math.MaxInt32

// Counts are windows of a number of records of a key, in the order in which
// they come. They have nothing to do with time: no record is late for them,
// and another order of the same records gives other windows. It is an
// immutable value.
type Counts struct{ size, slide int }

// Count divides the records of each key into windows of size records.
func Count(size int) Counts { return Counts{size, size} }

// SlidingCount is a window over the last size records of a key after every
// slide records; the first windows of a key have fewer. The slide is at most
// the size. Memory for each key grows with size/gcd(size, slide), at most
// MaxPanes: best is a slide that divides the size.
func SlidingCount(size, slide int) Counts { return Counts{size, slide} }

// Err implements Definition.
func (c Counts) Err() error {
	switch {
	case c.size <= 0:
		return fmt.Errorf("%s: the size is %d; it has to be positive", c, c.size)
	case c.slide <= 0:
		return fmt.Errorf("%s: the slide is %d; it has to be positive", c, c.slide)
	case c.slide > c.size:
		return fmt.Errorf("%s: records between two windows would be in none and lost; make the slide at most the size", c)
	case c.size > MaxCount:
		return fmt.Errorf("%s: at most %d records are possible", c, MaxCount)
	case c.PanesPerWindow() > MaxPanes:
		return fmt.Errorf("%s: a window would be made of %d parts of %d records, at most %d are possible; choose a slide that divides the size",
			c, c.PanesPerWindow(), c.Pane(), MaxPanes)
	}
	return nil
}

// String is the call that made it.
func (c Counts) String() string {
	if c.size == c.slide {
		return fmt.Sprintf("window.Count(%d)", c.size)
	}
	return fmt.Sprintf("window.SlidingCount(%d, %d)", c.size, c.slide)
}

// Size is the number of records of a window.
func (c Counts) Size() int { return c.size }

// Slide is the number of records from the start of a window to that of the next.
func (c Counts) Slide() int { return c.slide }

// Pane is the number of records of a pane: windows share them.
func (c Counts) Pane() int { return int(gcd(int64(c.size), int64(c.slide))) }

// PanesPerWindow is how many panes make a window: 1 when they tumble.
func (c Counts) PanesPerWindow() int { return c.size / c.Pane() }
