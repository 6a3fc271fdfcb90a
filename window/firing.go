package window

import (
	"fmt"
	"time"
)

// Timing is when a result was made, as seen from the end of its window.
type Timing uint8

const (
	// OnTime: the watermark had just passed the end.
	OnTime Timing = iota
	// Early: before that, so more records may follow. What is left in a window
	// of a number of records when the input ends is early too.
	Early
	// Late: after that, because a late record came.
	Late
)

// String is on_time, early or late.
func (t Timing) String() string {
	switch t {
	case Early:
		return "early"
	case Late:
		return "late"
	}
	return "on_time"
}

// MarshalText implements encoding.TextMarshaler.
func (t Timing) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Timing) UnmarshalText(b []byte) error {
	switch string(b) {
	case "on_time", "":
		*t = OnTime
	case "early":
		*t = Early
	case "late":
		*t = Late
	default:
		return fmt.Errorf("window: %q is no timing; use on_time, early or late", b)
	}
	return nil
}

// Firing is when a window produces results, besides the one when the watermark
// passes its end, and how long it is kept. The zero value is that one result.
type Firing struct {
	// Early is the processing time between two early results of a key and
	// window that had records meanwhile; 0: none.
	Early time.Duration
	// EarlyCount is the number of records of a key and window that make an
	// early result; 0: none.
	EarlyCount int
	// Lateness is the event time that a window is kept after its end. A late
	// record in it produces another result.
	Lateness time.Duration
	// Discard begins a window anew after each result, so that results add up.
	// Else each result has everything so far.
	Discard bool
}

// Once tells whether a window produces a single result, and is dropped then.
func (f Firing) Once() bool { return f.Early == 0 && f.EarlyCount == 0 && f.Lateness == 0 }

// Err tells what is wrong, nil when the firing is valid.
func (f Firing) Err() error {
	switch {
	case f.Early < 0:
		return fmt.Errorf("early results every %s: the time has to be positive", f.Early)
	case f.EarlyCount < 0:
		return fmt.Errorf("early results every %d records: the number has to be positive", f.EarlyCount)
	case f.Lateness < 0:
		return fmt.Errorf("an allowed lateness of %s: it must not be negative", f.Lateness)
	}
	return nil
}
