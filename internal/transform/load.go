package transform

import (
	"sync"
	"time"
)

// loadOver is the least time that a mean is taken over, where it was asked for
// before.
const loadOver = 500 * time.Millisecond

// load is how many calls are under way, and their mean over time. It is safe for
// concurrent use.
type load struct {
	mu   sync.Mutex
	n    int
	area time.Duration // calls × time, up to at
	at   time.Time     // zero before the first call
	// marks are two past moments: a mean begins at the older one. They move when
	// somebody asks, so that it is taken over the time between questions, and
	// over loadOver at least.
	marks [2]moment
}

type moment struct {
	at   time.Time
	area time.Duration
}

// change adds calls at a time, or with a negative number takes them away.
func (l *load) change(n int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upTo(now)
	l.n += n
}

func (l *load) upTo(now time.Time) {
	if l.at.IsZero() {
		l.at = now
		l.marks = [2]moment{{at: now}, {at: now}}
	}
	if d := now.Sub(l.at); d > 0 {
		l.area += time.Duration(l.n) * d
		l.at = now
	}
}

// mean is how many calls were under way of late.
func (l *load) mean(now time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() {
		return 0
	}
	l.upTo(now)
	if l.at.Sub(l.marks[1].at) >= loadOver {
		l.marks = [2]moment{l.marks[1], {l.at, l.area}}
	}
	from := l.marks[0]
	if span := l.at.Sub(from.at); span > 0 {
		return float64(l.area-from.area) / float64(span)
	}
	return float64(l.n)
}
