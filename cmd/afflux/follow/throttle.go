package follow

import (
	"sync/atomic"
	"time"
)

// valve holds a rate in records per second, 0 for no limit, and counts what
// passed. One goroutine passes; others set the rate and read the count.
type valve struct {
	rate  atomic.Int64
	_     [120]byte
	count atomic.Int64
	_     [120]byte

	clock   func() time.Time // read only while there is a limit
	current int64
	debt    float64 // nanoseconds that the records so far are ahead of the rate
	last    time.Time
}

// Sleeping takes a millisecond longer than asked for, so a valve opens and
// shuts at intervals of about that: it lets records through until they are
// minSleep ahead, and what a late wake-up missed is made up for, to maxCredit.
const (
	minSleep  = 100 * time.Microsecond
	maxCredit = 5 * time.Millisecond
)

// shut tells for how long nothing may pass.
func (v *valve) shut() time.Duration {
	r := v.rate.Load()
	if r != v.current {
		v.current, v.debt, v.last = r, 0, v.clock()
	}
	if r == 0 {
		return 0
	}
	now := v.clock()
	v.debt = max(v.debt-float64(now.Sub(v.last)), -float64(maxCredit))
	v.last = now
	if v.debt < float64(minSleep) {
		return 0
	}
	return time.Duration(v.debt)
}

// pass counts n records.
func (v *valve) pass(n int) {
	v.count.Store(v.count.Load() + int64(n))
	if v.current != 0 {
		v.debt += float64(n) * 1e9 / float64(v.current)
	}
}
