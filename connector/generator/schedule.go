package generator

import (
	"math"
	"time"
)

// cell is the grain of a schedule. Within a cell the records are spread
// evenly; at its ends the integral of the profile is exact.
const cell = time.Millisecond

// rounding keeps an integral such as 2.9999999998 from losing a record.
const rounding = 1e-6

// schedule finds the times at which records are due. It moves forward only
// and is copied to look ahead.
type schedule struct {
	profile  Profile
	at       time.Duration // start of the cell
	from, to float64       // the integral at the ends of the cell
}

// newSchedule is a schedule that will be asked for record i and later ones.
func newSchedule(p Profile, i int64) schedule {
	before := func(cells int64) float64 { return p.Total(time.Duration(cells) * cell) }
	need := float64(i+1) - rounding
	low, high := int64(0), int64(1)
	for ; before(high) < need && high < int64(math.MaxInt64/cell/4); high *= 2 {
		low = high
	}
	// The last cell that begins before record i is due.
	for low+1 < high {
		if middle := (low + high) / 2; before(middle) < need {
			low = middle
		} else {
			high = middle
		}
	}
	return schedule{profile: p, at: time.Duration(low) * cell, from: before(low), to: before(low + 1)}
}

// due returns when record i is due, counted from 0, and false when that is
// not before until. Records must be asked for in order.
func (s *schedule) due(i int64, until time.Duration) (time.Duration, bool) {
	need := float64(i+1) - rounding
	for s.to < need {
		if s.at+cell > until {
			return 0, false
		}
		s.at += cell
		s.from, s.to = s.to, s.profile.Total(s.at+cell)
	}
	part := (float64(i+1) - s.from) / (s.to - s.from)
	t := s.at + time.Duration(math.Round(min(max(part, 0), 1)*float64(cell)))
	return t, t <= until
}

// count returns how many records are due until t.
func (s *schedule) count(t time.Duration) int64 {
	whole := t.Truncate(cell)
	from := s.profile.Total(whole)
	n := from
	if t > whole {
		n += (s.profile.Total(whole+cell) - from) * float64(t-whole) / float64(cell)
	}
	return int64(math.Floor(n + rounding))
}
