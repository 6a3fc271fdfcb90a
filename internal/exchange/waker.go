package exchange

import "time"

// Waker wakes one parked task. Wake may be called by any goroutine, any number
// of times: one token is kept, so a wake-up just before parking is not lost,
// and a spurious one only makes the task look again.
type Waker struct{ token chan struct{} }

// NewWaker returns a waker without a token.
func NewWaker() *Waker { return &Waker{token: make(chan struct{}, 1)} }

// Wake never blocks.
func (w *Waker) Wake() {
	select {
	case w.token <- struct{}{}:
	default:
	}
}

// Park waits for a token, at most d if d is positive.
func (w *Waker) Park(d time.Duration) {
	if d <= 0 {
		<-w.token
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.token:
	case <-t.C:
	}
}

// Take consumes the token if there is one: for schedulers that do not park.
func (w *Waker) Take() bool {
	select {
	case <-w.token:
		return true
	default:
		return false
	}
}

// Pending tells whether there is a token.
func (w *Waker) Pending() bool { return len(w.token) > 0 }
