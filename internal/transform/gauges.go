package transform

import (
	"time"

	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// How often state is measured: the access time for some of the chunks, and all
// gauges after some time.
const (
	sampleEvery  = 64
	publishEvery = 200 * time.Millisecond
)

// gauges measures the state of an operator.
type gauges struct {
	chunks    int
	took      time.Duration
	keys      int
	access    float64 // nanoseconds a key
	published time.Time
}

// sample tells whether to measure the next access.
func (g *gauges) sample() bool {
	g.chunks++
	return g.chunks%sampleEvery == 1
}

// accessed takes a measurement.
func (g *gauges) accessed(d time.Duration, keys int) {
	g.took += d
	if g.keys += keys; g.keys >= 1024 {
		g.access = float64(g.took) / float64(g.keys)
		g.took, g.keys = 0, 0
	}
}

// due tells whether it is time to publish.
func (g *gauges) due(now time.Time) bool {
	if now.Sub(g.published) < publishEvery {
		return false
	}
	g.published = now
	return true
}

// publish sets the gauges of an operator with states and timers.
func (g *gauges) publish(ctx operator.Context, keys int, bytes int64, s *state.Store, timers int) {
	ctx.Gauge("state_keys", float64(keys))
	ctx.Gauge("state_bytes", float64(bytes))
	ctx.Gauge("state_access_ns", g.access)
	ctx.Gauge("timers", float64(timers))
	s.Entries(func(name string, entries int64) { ctx.Gauge("state_entries", float64(entries), "state", name) })
}
