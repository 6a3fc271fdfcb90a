package window

import (
	"fmt"
	"time"

	"github.com/affluxdev/afflux/event"
)

// Sessions are windows of activity: a key's session goes on as long as its next
// record is less than a gap of event time away. They differ from key to key.
// It is an immutable value.
type Sessions struct{ gap time.Duration }

// Session divides the records of each key into sessions. A session begins with
// its first record and ends a gap after its last; a record at that very end
// begins another, so that a session cannot grow any more once the watermark
// has completed it. A record between two sessions that is close to both merges
// them. The gap is at least a nanosecond.
func Session(gap time.Duration) Sessions { return Sessions{gap} }

// Err implements Definition.
func (s Sessions) Err() error {
	if s.gap <= 0 {
		return fmt.Errorf("%s: the gap is %s; it has to be positive", s, s.gap)
	}
	return nil
}

// String is the call that made it.
func (s Sessions) String() string { return fmt.Sprintf("window.Session(%s)", s.gap) }

// Gap is the time without records that ends a session.
func (s Sessions) Gap() time.Duration { return s.gap }

// Of is the session of the records from one event time to another. Its end is
// clamped to MaxTime.
func (s Sessions) Of(first, last event.Time) Window {
	return Window{Start: first, End: last.Add(s.gap)}
}
