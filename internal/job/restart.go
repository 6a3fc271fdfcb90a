package job

import (
	"math"
	"math/rand/v2"
	"time"
)

// Restart says what happens after a failure. The zero value gives up at once.
type Restart struct {
	// Attempts is how many failures in a row are followed by a restart; negative
	// for any number.
	Attempts int
	// Delay is the time before the first restart; each further one in a row waits
	// Factor times longer (1 or less: always the same), up to MaxDelay.
	Delay, MaxDelay time.Duration
	Factor          float64
	// Jitter spreads delays by up to this part of them, in both directions, so
	// that many jobs do not come back at the same moment.
	Jitter float64
	// Reset is how long a job must run to begin anew with the count; 0 for
	// never.
	Reset time.Duration
}

// DefaultRestart is what a job with checkpoints does: exponential delays, and
// patience for about ten minutes.
var DefaultRestart = Restart{Attempts: 15, Delay: 500 * time.Millisecond, MaxDelay: time.Minute, Factor: 2, Jitter: 0.1, Reset: 10 * time.Minute}

// restarts applies a Restart to the failures of one job.
type restarts struct {
	Restart
	row   int // failures in a row
	first error
	draw  func() float64 // [0,1)
}

func newRestarts(r Restart) *restarts { return &restarts{Restart: r, draw: rand.Float64} }

// failed takes a failure after the job has run for a time. It returns how long
// to wait, or false to give up; the cause is then the first of those in a row.
func (r *restarts) failed(err error, ran time.Duration) (delay time.Duration, again bool) {
	if r.Reset > 0 && ran >= r.Reset {
		r.row = 0
	}
	if r.row == 0 {
		r.first = err
	}
	r.row++
	if r.Attempts >= 0 && r.row > r.Attempts {
		return 0, false
	}
	d := float64(r.Delay) * math.Pow(max(r.Factor, 1), float64(r.row-1))
	if r.MaxDelay > 0 {
		d = min(d, float64(r.MaxDelay))
	}
	d *= 1 + r.Jitter*(2*r.draw()-1)
	return time.Duration(d), true
}
