package window

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/affluxdev/afflux/event"
)

// MaxPanes is the largest number of panes that a window may be made of.
const MaxPanes = 1 << 17

// Assigner is a division of event time into windows, the same for all keys. It
// is an immutable value. Only Err and String may be called on one that is not
// valid.
type Assigner struct {
	name                string
	size, slide, offset time.Duration

	pane       int64 // nanoseconds, the greatest common divisor of size and slide
	perWindow  int64 // panes
	perSlide   int64 // panes
	paneOffset int64 // offset = paneShift*pane + paneOffset
	paneShift  int64
	calendar   *calendar // nil when all panes are of one length
	global     bool      // one pane is all of time
	err        error
}

// An Option changes a division of time into windows of one length.
type Option func(*Assigner)

// Offset moves all windows by d: with windows of a day, -2h makes them begin at
// 22:00 UTC, midnight at UTC+2. Without it they are aligned to the Unix epoch.
func Offset(d time.Duration) Option { return func(a *Assigner) { a.offset = d } }

// Tumbling divides time into windows that do not overlap. The size is at least
// a nanosecond.
func Tumbling(size time.Duration, options ...Option) Assigner {
	return newAssigner(fmt.Sprintf("window.Tumbling(%s)", size), size, size, options)
}

// Sliding is windows of a size that begin every slide; each record is in
// size/slide of them. The slide is at most the size. Memory, and at most the time
// to fire, grow with size/gcd(size, slide), the panes, at most MaxPanes: best is a slide
// that divides the size. With 16 panes and more, sums of panes that have keys in common
// are kept to fire faster, which take at most half as much memory again.
func Sliding(size, slide time.Duration, options ...Option) Assigner {
	return newAssigner(fmt.Sprintf("window.Sliding(%s, %s)", size, slide), size, slide, options)
}

func newAssigner(name string, size, slide time.Duration, options []Option) Assigner {
	a := Assigner{name: name, size: size, slide: slide}
	for _, o := range options {
		o(&a)
	}
	if a.err = a.check(); a.err != nil {
		return a
	}
	a.pane = gcd(int64(size), int64(slide))
	a.perWindow, a.perSlide = int64(size)/a.pane, int64(slide)/a.pane
	if a.perWindow > MaxPanes {
		a.err = fmt.Errorf("%s: a window would be made of %d panes of %s, at most %d are possible; choose a slide that divides the size",
			name, a.perWindow, time.Duration(a.pane), MaxPanes)
		return a
	}
	offset := int64(a.offset) % int64(slide)
	if offset < 0 {
		offset += int64(slide)
	}
	a.paneShift, a.paneOffset = offset/a.pane, offset%a.pane
	return a
}

func (a *Assigner) check() error {
	switch {
	case a.size <= 0:
		return fmt.Errorf("%s: the size is %s; it has to be positive", a.name, a.size)
	case a.slide <= 0:
		return fmt.Errorf("%s: the slide is %s; it has to be positive", a.name, a.slide)
	case a.slide > a.size:
		return fmt.Errorf("%s: records between two windows would be in none and lost; make the slide at most the size", a.name)
	}
	return nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Err tells what is wrong with the arguments that the Assigner was made of, nil
// when they are valid.
func (a Assigner) Err() error {
	if a.err == nil && a.perSlide == 0 {
		return fmt.Errorf("window: no windows are given; use window.Tumbling or window.Sliding")
	}
	return a.err
}

// String is the call that made it.
func (a Assigner) String() string { return a.name }

// Size is the length of a window, 0 when it is not the same for all.
func (a Assigner) Size() time.Duration { return a.size }

// Slide is the time from the start of a window to the start of the next, 0
// when it is not the same for all.
func (a Assigner) Slide() time.Duration { return a.slide }

// PanesPerWindow is how many panes make a window: 1 when they tumble.
func (a Assigner) PanesPerWindow() int { return int(a.perWindow) }

// Overlaps tells whether a record may be in several windows.
func (a Assigner) Overlaps() bool { return a.perWindow > a.perSlide }

// Pane is the pane that t belongs to. It divides: in a loop over records, keep
// the start and end of the last pane and ask only when a time is outside.
func (a Assigner) Pane(t event.Time) int64 {
	switch {
	case a.global:
		return 0
	case a.calendar != nil:
		return a.calendar.unitAt(t)
	}
	i := floorDiv(int64(t), a.pane)
	if int64(t)-i*a.pane < a.paneOffset {
		i--
	}
	return i - a.paneShift
}

// PaneStart is the first event time of pane i, clamped to MinTime and MaxTime.
func (a Assigner) PaneStart(i int64) event.Time {
	switch {
	case a.global && i <= 0:
		return event.MinTime
	case a.global:
		return event.MaxTime
	case a.calendar != nil:
		return a.calendar.start(i)
	}
	n := i + a.paneShift
	if n < i {
		return event.MaxTime
	}
	return event.Time(clampedSum(n, a.pane, a.paneOffset))
}

// Window is window i; its bounds are clamped to MinTime and MaxTime.
func (a Assigner) Window(i int64) Window {
	from, to := a.PanesOf(i)
	return Window{Start: a.PaneStart(from), End: a.PaneStart(to)}
}

// PanesOf is the range [from,to) of the panes of window i.
func (a Assigner) PanesOf(i int64) (from, to int64) {
	from = i * a.perSlide
	return from, from + a.perWindow
}

// WindowsOf is the first and the last window that pane i is in.
func (a Assigner) WindowsOf(i int64) (first, last int64) {
	return floorDiv(i-a.perWindow, a.perSlide) + 1, floorDiv(i, a.perSlide)
}

// Complete is the last window that is complete at a watermark; all before it
// are complete too. It is math.MaxInt64 at MaxTime, where every window is, and
// math.MinInt64 at MinTime, where none is.
func (a Assigner) Complete(watermark event.Time) int64 {
	switch watermark {
	case event.MinTime:
		return math.MinInt64
	case event.MaxTime:
		return math.MaxInt64
	}
	if a.global {
		return math.MinInt64
	}
	// Panes below the one of watermark+1 have ended.
	ended := a.Pane(watermark + 1)
	return floorDiv(ended-a.perWindow, a.perSlide)
}

// Live is the first pane that is still in a window that is not complete at a
// watermark. The panes below it can be dropped once the complete windows have
// fired, and a record that falls into one of them is late.
func (a Assigner) Live(watermark event.Time) int64 {
	switch last := a.Complete(watermark); last {
	case math.MinInt64, math.MaxInt64:
		return last
	default:
		return (last + 1) * a.perSlide
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// clampedSum is n*unit+add, clamped to the range of int64; 0 <= add < unit.
func clampedSum(n, unit, add int64) int64 {
	if n < 0 {
		hi, lo := bits.Mul64(-uint64(n), uint64(unit))
		lo, borrow := bits.Sub64(lo, uint64(add), 0)
		if hi != borrow || lo > -math.MinInt64 {
			return math.MinInt64
		}
		return -int64(lo)
	}
	hi, lo := bits.Mul64(uint64(n), uint64(unit))
	lo, carry := bits.Add64(lo, uint64(add), 0)
	if hi+carry != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}
