package afflux_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
)

// alarmed sets one timer for each key, all for the same time.
type alarmed struct {
	first, last *atomic.Int64
	left        int
	done        chan struct{}
}

func (p *alarmed) Open(*afflux.OpenContext) error { return nil }

func (p *alarmed) Process(ctx *afflux.ProcessContext[int, int], _ *int) error {
	ctx.SetTimer(afflux.EventTimer, 1<<40)
	return nil
}

func (p *alarmed) OnTimer(ctx *afflux.ProcessContext[int, int], _ event.Time, _ afflux.TimerKind) error {
	now := time.Now().UnixNano()
	p.first.CompareAndSwap(0, now)
	p.last.Store(now)
	ctx.Emit(ctx.Key())
	if p.left--; p.left == 0 {
		close(p.done)
	}
	return nil
}

// BenchmarkTimersAtOnce fires a million timers at one watermark and reports
// the longest pause of another operator of the process meanwhile, and the
// longest one before, when nothing fires.
func BenchmarkTimersAtOnce(b *testing.B) {
	const timers = 1_000_000
	for b.Loop() {
		var first, last, before, during atomic.Int64
		done := make(chan struct{})
		j := afflux.NewJob("t", afflux.Parallelism(1))
		afflux.From(j, "keys", numbers{timers}).
			EventTime(func(v *int) event.Time { return event.Time(*v) }, afflux.InOrder()).
			KeyBy("key", func(v *int) int { return *v }).
			Process("alarms", func() *alarmed { return &alarmed{&first, &last, timers, done} }).
			To("fired", &collector[int]{})
		seen := int64(0)
		afflux.From(j, "others", numbers{1 << 40}).
			Rebalance().
			Filter("pulse", func(*int) bool {
				now := time.Now().UnixNano()
				gap := now - seen
				switch {
				case seen == 0:
				case first.Load() == 0:
					before.Store(max(before.Load(), gap))
				case last.Load() >= seen:
					during.Store(max(during.Load(), gap))
				}
				seen = now
				return false
			}, afflux.Unchained()).
			To("nothing", &collector[int]{})
		r, err := j.Start(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		select {
		case <-done:
		case <-r.Done():
			b.Fatal(r.Wait())
		}
		r.Cancel()
		_ = r.Wait() // cancelled
		b.ReportMetric(float64(last.Load()-first.Load())/1e6, "firing-ms")
		b.ReportMetric(float64(during.Load())/1e6, "longest-pause-ms")
		b.ReportMetric(float64(before.Load())/1e6, "longest-pause-before-ms")
	}
}
