package window

import (
	"fmt"
	"math"
	"time"

	"github.com/affluxdev/afflux/event"
)

// Days divides time into the days of a place, from midnight to midnight there:
// a day on which clocks change is 23 or 25 hours long. Where a change leaves
// out midnight, the day begins with the change.
func Days(place *time.Location) Assigner { return newCalendar("Days", "", place, dayUnit, 0) }

// Weeks divides time into weeks of a place that begin at midnight of a weekday.
func Weeks(place *time.Location, first time.Weekday) Assigner {
	a := newCalendar("Weeks", ", "+first.String(), place, weekUnit, int64(first))
	if a.err == nil && (first < time.Sunday || first > time.Saturday) {
		a.err = fmt.Errorf("%s: there is no such day of the week", a.name)
	}
	return a
}

// Months divides time into the months of a place.
func Months(place *time.Location) Assigner {
	return newCalendar("Months", "", place, monthUnit, 0)
}

func newCalendar(function, rest string, place *time.Location, u unit, first int64) Assigner {
	if place == nil {
		name := fmt.Sprintf("window.%s(nil%s)", function, rest)
		return Assigner{name: name, err: fmt.Errorf("%s: no place is given; use time.UTC, or what time.LoadLocation returns", name)}
	}
	return Assigner{
		name:     fmt.Sprintf("window.%s(%s%s)", function, place, rest),
		calendar: &calendar{place: place, unit: u, first: first}, perWindow: 1, perSlide: 1,
	}
}

// unit is a run of days of the calendar.
type unit uint8

const (
	dayUnit unit = iota
	weekUnit
	monthUnit
)

// calendar numbers the days, weeks or months of a place. Days are counted from
// 1 January 1970, which was a Thursday.
type calendar struct {
	place *time.Location
	unit  unit
	first int64 // weekday that a week begins with
}

const (
	secondsOfDay = 24 * 60 * 60
	monthsOfYear = 12
	daysOfWeek   = 7
)

// unitAt is the number of the unit that t is in.
func (c *calendar) unitAt(t event.Time) int64 {
	y, m, d := t.Std().In(c.place).Date()
	var i int64
	switch c.unit {
	case monthUnit:
		i = int64(y)*monthsOfYear + int64(m) - 1
	case weekUnit:
		i = floorDiv(dayNumber(y, m, d)-c.firstDay(), daysOfWeek)
	default:
		i = dayNumber(y, m, d)
	}
	// A clock that is put back over midnight shows a date twice, and a place
	// that changes sides of the date line leaves one out.
	for c.start(i) > t {
		i--
	}
	for next := c.start(i + 1); next <= t && next != event.MaxTime; next = c.start(i + 1) {
		i++
	}
	return i
}

// firstDay is the number of a day that a week begins with.
func (c *calendar) firstDay() int64 { return c.first - int64(time.Thursday) }

// start is the first event time of a unit, clamped to MinTime and MaxTime: when
// clocks of the place first show its date or a later one.
func (c *calendar) start(i int64) event.Time {
	var day int64
	switch c.unit {
	case monthUnit:
		if i < -math.MaxInt32 || i > math.MaxInt32 {
			return clampedSeconds(i)
		}
		day = dayNumber(int(floorDiv(i, monthsOfYear)), time.Month(i-floorDiv(i, monthsOfYear)*monthsOfYear)+1, 1)
	case weekUnit:
		day = clampedSum(i, daysOfWeek, 0) + c.firstDay()
	default:
		day = i
	}
	if day < -math.MaxInt32 || day > math.MaxInt32 {
		return clampedSeconds(day)
	}
	shown := day * secondsOfDay // on a clock without offset
	const reach = 36 * 60 * 60  // more than any offset
	for at := time.Unix(shown-reach, 0).In(c.place); ; {
		from, to := at.ZoneBounds()
		_, offset := at.Zone()
		midnight := shown - int64(offset)
		if !from.IsZero() && from.Unix() > midnight {
			return clampedSeconds(from.Unix()) // the change itself brought the date
		}
		if to.IsZero() || midnight < to.Unix() {
			return clampedSeconds(midnight)
		}
		at = to
	}
}

// dayNumber is the day of a date, counted from 1 January 1970.
func dayNumber(y int, m time.Month, d int) int64 {
	return floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), secondsOfDay)
}

// clampedSeconds is an event time from seconds since the Unix epoch.
func clampedSeconds(s int64) event.Time { return event.Time(clampedSum(s, int64(time.Second), 0)) }
