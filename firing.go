package afflux

import (
	"time"

	"github.com/affluxdev/afflux/window"
)

// WindowOption sets when windows have results, besides the one when the
// watermark passes their end, and how long they are kept.
type WindowOption func(*window.Firing)

// AllowedLateness keeps a window for d of event time after its end. A late
// record in it makes another result, with the timing Late: one for each key
// and window that a batch of input has changed, not one for each record.
// Downstream, such a result is a late record itself: its event time lies
// behind the watermark.
func AllowedLateness(d time.Duration) WindowOption {
	return func(f *window.Firing) { f.Lateness = d }
}

// Early makes a result of each key and window that has new records every d of
// processing time, until the watermark passes the end. Its timing is Early.
func Early(d time.Duration) WindowOption {
	return func(f *window.Firing) { f.Early = d }
}

// EarlyCount makes a result after every n records of a key and window, until
// the watermark passes the end. Its timing is Early.
func EarlyCount(n int) WindowOption {
	return func(f *window.Firing) { f.EarlyCount = n }
}

// Accumulate lets every result of a window have all of its records so far, so
// that it replaces the one before. That is the default.
func Accumulate() WindowOption {
	return func(f *window.Firing) { f.Discard = false }
}

// Discard lets every result of a window have the records since the one before,
// so that results add up. There is none when there was no record.
func Discard() WindowOption {
	return func(f *window.Firing) { f.Discard = true }
}
