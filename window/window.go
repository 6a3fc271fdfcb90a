package window

import "github.com/affluxdev/afflux/event"

// Window is the event times from Start to just before End.
type Window struct {
	Start event.Time `json:"start"`
	End   event.Time `json:"end"`
}

// Contains tells whether t is in the window.
func (w Window) Contains(t event.Time) bool { return w.Start <= t && t < w.End }

// Complete tells whether a watermark says that all records of the window have
// been seen: it has reached the last nanosecond before End.
func (w Window) Complete(watermark event.Time) bool {
	return watermark == event.MaxTime || watermark >= w.End-1 && w.End != event.MaxTime
}

// Result is what a window says about one key. A window that fires several times
// has several results with the same Key, Start and End: with Accumulate the last
// one replaces the others, with Discard they add up.
type Result[K, R any] struct {
	Key   K          `json:"key"`
	Start event.Time `json:"start"` // first event time of the window
	End   event.Time `json:"end"`   // first event time after the window
	Value R          `json:"value"`
	// Timing tells when the result was made; OnTime is not written as JSON.
	Timing Timing `json:"timing,omitzero"`
}
