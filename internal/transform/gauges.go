package transform

import (
	"time"

	"github.com/affluxdev/afflux/operator"
	"github.com/affluxdev/afflux/state"
)

// How often state is measured. Reading the clock twice takes about 100 ns: a
// sample is taken once for accesses of about sampleAfter together, so that it
// costs under 0.3 % of them, but for one in sampleEvery at least.
const (
	sampleAfter  = 40 * time.Microsecond
	sampleEvery  = 64
	publishEvery = 200 * time.Millisecond
)

// gauges measures the state of an operator.
type gauges struct {
	ctx operator.Context

	// The time of all accesses is estimated: what a key took in a sample counts
	// for the keys before it that were not measured.
	accesses int
	keys     int     // since the last sample, its own included
	perKey   float64 // nanoseconds, in the last sample
	spent    float64 // nanoseconds, not yet published

	took      time.Duration // of the samples since access was computed
	sampled   int           // their keys
	access    float64       // nanoseconds a key
	published time.Time
}

// sample tells whether to measure the next access, to so many keys.
func (g *gauges) sample(keys int) bool {
	g.accesses++
	g.keys += keys
	return g.accesses >= sampleEvery || g.perKey == 0 || float64(g.keys)*g.perKey >= float64(sampleAfter)
}

// accessed takes a measurement of the access that sample was asked for last.
func (g *gauges) accessed(d time.Duration, keys int) {
	if keys == 0 {
		return
	}
	g.perKey = max(float64(d), 1) / float64(keys)
	g.spent += g.perKey * float64(g.keys)
	g.accesses, g.keys = 0, 0
	g.took += d
	if g.sampled += keys; g.sampled >= 1024 {
		g.access = float64(g.took) / float64(g.sampled)
		g.took, g.sampled = 0, 0
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

// publish sets the gauges of an operator with state.
func (g *gauges) publish(keys int, bytes int64) {
	g.ctx.Gauge("state_keys", float64(keys))
	g.ctx.Gauge("state_bytes", float64(bytes))
	g.ctx.Gauge("state_access_ns", g.access)
	g.publishTime()
}

// publishTime adds what was spent since it was called last.
func (g *gauges) publishTime() {
	if n := int64(g.spent); n > 0 {
		g.ctx.Count("state_ns", n)
		g.spent -= float64(n)
	}
}

// lookUp is the Lookup of a table, measured.
func lookUp[K comparable, S any](g *gauges, t state.Table[K, S], keys []K, hashes []uint64, out []*S) {
	if !g.sample(len(keys)) {
		t.Lookup(keys, hashes, out)
		return
	}
	start := g.ctx.Now()
	t.Lookup(keys, hashes, out)
	g.accessed(g.ctx.Now().Sub(start), len(keys))
}
