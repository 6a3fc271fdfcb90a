package task

import (
	"context"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/internal/exchange"
	"github.com/affluxdev/afflux/internal/metric"
)

// TestEventAges measures the last record of a batch, not more often than it
// should, without an allocation.
func TestEventAges(t *testing.T) {
	clock := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	task := &Task{host: NewStepper(context.Background(), exchange.NewWaker(), func() int64 { return clock }, nil)}
	e := eventAges{t: task, ages: new(metric.LatencyHistogram)}
	b := event.NewRecords[int](2)
	took := func(at event.Time) {
		b.Reset()
		b.Append(1, 0)
		b.Append(2, at)
		e.took(b)
	}
	read := func() (l metric.Latency) { e.ages.Read(clock, &l); return l }
	task.pace.last = clock
	for _, none := range []event.Time{event.MinTime, 0, 1_000_000, event.MaxTime} {
		took(none)
	}
	e.took(event.NewRecords[int](1))
	if l := read(); l.Count != 0 {
		t.Errorf("%+v", l)
	}
	took(event.Time(clock).Add(-3 * time.Second))
	took(event.Time(clock).Add(-9 * time.Second)) // too soon
	if l := read(); l.Count != 1 || l.Max != 3*time.Second {
		t.Errorf("%+v", l)
	}
	if n := testing.AllocsPerRun(500, func() {
		clock += int64(ageEvery)
		task.pace.last = clock + 1
		took(event.Time(clock))
	}); n != 0 {
		t.Errorf("%v allocations for each", n)
	}
	if l := read(); l.Count != 502 || l.P50 > time.Microsecond {
		t.Errorf("%+v", l)
	}
}
