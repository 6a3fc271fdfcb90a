package task

import (
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/metric"
)

// ageEvery is the least time between two records of a sink whose age is
// measured.
const ageEvery = 10 * time.Millisecond

// earliest is the first event time that can be one of a clock: smaller ones count
// something else, like the records of a test.
var earliest = event.At(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))

// eventAges measures how old records are at a sink by their own time: the last
// record of a batch now and then.
type eventAges struct {
	t    *Task
	ages *metric.LatencyHistogram
	due  int64
}

func newEventAges(t *Task, cfg *Latency) eventAges {
	e := eventAges{t: t}
	if cfg != nil {
		e.ages = cfg.Paths.Histogram(-1, t.sink.link.node.ID, metric.EventTimeLatency)
	}
	return e
}

// took is called when the sink has taken a batch. The clock is read only where an
// age is measured.
func (e *eventAges) took(b event.Batch) {
	if e.ages == nil || e.t.pace.last < e.due {
		return
	}
	times := b.EventTimes()
	if len(times) == 0 {
		return
	}
	at := times[len(times)-1]
	if at < earliest || at == event.MaxTime {
		return
	}
	now := e.t.host.Now()
	e.due = now + int64(ageEvery)
	e.ages.Record(now, time.Duration(e.t.host.Wall().UnixNano()-int64(at)))
}
