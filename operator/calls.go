package operator

import "time"

// Calling is implemented by operators that make calls to an outside system.
type Calling interface {
	// Calls may be called by any goroutine, at any time: before Open, and while
	// no call comes back and the task waits. Now is the time of day of the task.
	Calls(now time.Time) Calls
}

// Calls is what an operator's subtask asks of an outside system.
type Calls struct {
	// InFlight is how many calls were under way at a time of late, a mean over
	// about a second; Limit is the most that may be. A call that waits to be made
	// again is under way.
	InFlight float64
	Limit    int
	// Made counts attempts since the start, Retries those that followed a failure,
	// Throttled those that were refused since the system is too busy (HTTP 429 or
	// 503), Timeouts those that had no answer in time.
	Made, Retries, Throttled, Timeouts int64
}
