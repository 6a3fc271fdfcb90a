// Package metric counts what a job does and where its time goes. It has
// counters, time accounts and snapshots; exporting them is up to others.
package metric

import (
	"maps"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/affluxdev/afflux/event"
)

// OperatorCounters are the counters of one operator's subtask. The task's
// goroutine adds to them once per batch; any goroutine may read.
type OperatorCounters struct {
	RecordsIn, RecordsOut       atomic.Int64
	BytesIn, BytesOut           atomic.Int64
	Late, Skipped, DeadLettered atomic.Int64
	// State is the sampled estimate of the time spent in keyed state, nanoseconds.
	State atomic.Int64
	// External is time spent waiting for an outside system, nanoseconds.
	External atomic.Int64
	// WaitsSince is when the wait for it that is in progress began, by the clock
	// of the account, and 0 while there is none. It is cleared before External is
	// added to.
	WaitsSince atomic.Int64
	// Own is the operator's part of the working time of its chain up to Sampled,
	// the time at the last sample, nanoseconds. Share, the bits of a float64, is
	// its part of late. Sampled is 0 for an operator alone in its chain.
	Own, Sampled atomic.Int64
	Share        atomic.Uint64
	// Watermark is the last one that the operator passed on.
	Watermark atomic.Int64
	// WatermarkIdle is set while the operator has told the next that it holds
	// no watermark back.
	WatermarkIdle atomic.Bool

	mu       sync.Mutex
	own      time.Duration // the most that was told: it does not go back
	external time.Duration // likewise
	counters map[string]int64
	gauges   map[string]Gauge
}

// NewOperatorCounters returns counters at zero, with the watermark at MinTime.
func NewOperatorCounters() *OperatorCounters {
	c := &OperatorCounters{}
	c.Watermark.Store(int64(event.MinTime))
	return c
}

// Count adds to a named counter. Those that have a field go there.
func (c *OperatorCounters) Count(name string, n int64) {
	switch name {
	case "late":
		c.Late.Add(n)
		return
	case "skipped":
		c.Skipped.Add(n)
		return
	case "dead_lettered":
		c.DeadLettered.Add(n)
		return
	case "state_ns":
		c.State.Add(n)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counters == nil {
		c.counters = map[string]int64{}
	}
	c.counters[name] += n
}

// maxGauges bounds the series of one operator's subtask.
const maxGauges = 4096

// SetGauge replaces the gauge of this name and these labels. Series beyond
// 4 096 are dropped and counted as "gauges_dropped".
func (c *OperatorCounters) SetGauge(name string, value float64, labels ...string) {
	key := name + "\x00" + strings.Join(labels, "\x00")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gauges == nil {
		c.gauges = map[string]Gauge{}
	}
	if _, ok := c.gauges[key]; !ok && len(c.gauges) >= maxGauges {
		if c.counters == nil {
			c.counters = map[string]int64{}
		}
		c.counters["gauges_dropped"]++
		return
	}
	c.gauges[key] = Gauge{Name: name, Labels: labels, Value: value}
}

// fill copies the counters to a snapshot.
func (c *OperatorCounters) fill(s *Subtask) {
	s.RecordsIn, s.RecordsOut = c.RecordsIn.Load(), c.RecordsOut.Load()
	s.BytesIn, s.BytesOut = c.BytesIn.Load(), c.BytesOut.Load()
	s.Late, s.Skipped, s.DeadLettered = c.Late.Load(), c.Skipped.Load(), c.DeadLettered.Load()
	s.External, s.StateTime = time.Duration(c.External.Load()), time.Duration(c.State.Load())
	s.Watermark, s.WatermarkIdle = event.Time(c.Watermark.Load()), c.WatermarkIdle.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Counters = maps.Clone(c.counters)
	keys := make([]string, 0, len(c.gauges))
	for k := range c.gauges {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		s.Gauges = append(s.Gauges, c.gauges[k])
	}
}
