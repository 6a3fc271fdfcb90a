package event

import (
	"math"
	"time"
)

// Time is an event time: nanoseconds since the Unix epoch, UTC. It covers the
// years 1678 to 2262.
type Time int64

const (
	// MinTime is before every event; a stream that has seen nothing has this watermark.
	MinTime Time = math.MinInt64
	// MaxTime is after every event; a stream that has ended has this watermark.
	MaxTime Time = math.MaxInt64
)

// At converts a time.Time. Times outside of the years 1678 to 2262 are clamped
// to the ends of that range.
func At(t time.Time) Time {
	switch y := t.Year(); {
	case y < 1678:
		return MinTime + 1
	case y > 2261:
		return MaxTime - 1
	}
	return Time(t.UnixNano())
}

// Std converts to a time.Time in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// Add returns t+d, saturated at MinTime and MaxTime.
func (t Time) Add(d time.Duration) Time {
	s := t + Time(d)
	switch {
	case d > 0 && s < t:
		return MaxTime
	case d < 0 && s > t:
		return MinTime
	}
	return s
}

// IsZero tells whether t is MinTime, the event time of a record that has none.
func (t Time) IsZero() bool { return t == MinTime }

// String formats t as RFC 3339 with nanoseconds; the two ends print as -inf and +inf.
func (t Time) String() string {
	switch t {
	case MinTime:
		return "-inf"
	case MaxTime:
		return "+inf"
	}
	return t.Std().Format(time.RFC3339Nano)
}
