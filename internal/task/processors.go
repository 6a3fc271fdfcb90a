package task

import (
	"runtime"
	"sync/atomic"
)

// Where there is a processor for each task, nobody waits for one, and a task that
// gives its own up only wakes an idle one to fetch it: that takes as long as several
// batches. So tasks know how many of them there are.

// awake counts the tasks of the process that are not parked.
var awake struct {
	_ [128]byte // written by all processors
	n atomic.Int32
	_ [128]byte
}

// mostSkipped is how many turns in a row a task keeps its processor for: others than
// tasks may want it.
const mostSkipped = 4

// turnstile decides when a task gives its processor up.
type turnstile struct {
	processors int32
	skipped    int
}

func (t *turnstile) look() { t.processors = int32(runtime.GOMAXPROCS(0)) }

// spare tells whether there seems to be an idle processor.
func (t *turnstile) spare() bool { return awake.n.Load() < t.processors }

// yield lets others run, if some may wait.
func (t *turnstile) yield() {
	if t.skipped < mostSkipped && t.spare() {
		t.skipped++
		return
	}
	t.skipped = 0
	t.look()
	runtime.Gosched()
}
