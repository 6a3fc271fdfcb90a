package pipeline

import (
	"strings"
	"time"

	"github.com/affluxdev/afflux"
)

// checkpointConfig lets the job survive failures.
type checkpointConfig struct {
	dir            text
	every          span
	minPause       span
	timeout        span
	unalignedAfter spanOrNever
	tolerateFailed countOrUnlimited
	retain         whole
	atLeastOnce    flag
}

func (c *checkpointConfig) bind(b *binder) {
	b.describe("checkpoints")
	c.every.zero, c.minPause.zero, c.unalignedAfter.zero = true, true, true
	c.retain.min = 1
	b.must("dir", &c.dir, "a directory to keep them in, which no other job uses")
	b.key("every", &c.every, "time from one to the next; 0 for on demand only; default 10s")
	b.key("min_pause", &c.minPause, "the least time between the end of one and the beginning of the next; default 0")
	b.key("timeout", &c.timeout, "time after which one is given up; default 10m")
	b.key("unaligned_after", &c.unalignedAfter, "how long barriers travel behind the records before they overtake them, or never; default 100ms")
	b.key("tolerate_failed", &c.tolerateFailed, "how many in a row may fail before the job does, or unlimited; default 0")
	b.key("retain", &c.retain, "how many complete ones are kept; default 3")
	b.key("at_least_once", &c.atLeastOnce, "let records pass while barriers are awaited: after a failure results may be doubled; default false")
}

// options of the job.
func (c *checkpointConfig) options() []afflux.CheckpointOption {
	var out []afflux.CheckpointOption
	add := func(given bool, o func() afflux.CheckpointOption) {
		if given {
			out = append(out, o())
		}
	}
	add(c.every.given(), func() afflux.CheckpointOption { return afflux.Every(c.every.value) })
	add(c.minPause.given(), func() afflux.CheckpointOption { return afflux.MinPause(c.minPause.value) })
	add(c.timeout.given(), func() afflux.CheckpointOption { return afflux.CheckpointTimeout(c.timeout.value) })
	add(c.unalignedAfter.given(), func() afflux.CheckpointOption { return afflux.UnalignedAfter(c.unalignedAfter.value) })
	add(c.tolerateFailed.given(), func() afflux.CheckpointOption { return afflux.TolerateFailed(c.tolerateFailed.or(0)) })
	add(c.retain.given(), func() afflux.CheckpointOption { return afflux.Retain(c.retain.or(1)) })
	add(c.atLeastOnce.value, afflux.AtLeastOnce)
	return out
}

// restartConfig says what happens after a failure.
type restartConfig struct {
	attempts countOrUnlimited
	delay    span
	maxDelay span
}

func (c *restartConfig) bind(b *binder) {
	b.describe("restart")
	c.delay.zero = true
	b.key("attempts", &c.attempts, "how many failures in a row are followed by a restart, or unlimited; default 15 with checkpoints and 0 without")
	b.key("delay", &c.delay, "time before the first restart; default 500ms")
	b.key("max_delay", &c.maxDelay, "each restart in a row waits twice as long, up to this; default 1m; equal to delay for always the same")
}

// strategy of the job.
func (c *restartConfig) strategy() afflux.RestartStrategy {
	attempts, delay := c.attempts.or(15), c.delay.or(500*time.Millisecond)
	most := c.maxDelay.or(max(time.Minute, delay))
	if most <= delay {
		return afflux.FixedDelay(attempts, delay)
	}
	return afflux.ExponentialDelay(attempts, delay, most)
}

// checkpoints checks what is said of them, and of restarts.
func (c *checker) checkpoints() {
	k := &c.config.checkpoints.value
	switch dir := k.dir.value; {
	case !c.config.checkpoints.given:
	case strings.Contains(dir, "://"):
		c.addf(k.dir.at(), "checkpoints of a pipeline are kept in a directory; for a bucket, write the job in Go with CheckpointsIn")
	case k.dir.given() && strings.TrimSpace(dir) == "":
		c.addf(k.dir.at(), "the name of the directory is empty")
	}
	r := &c.config.restart.value
	if r.maxDelay.given() && r.maxDelay.value < r.delay.or(500*time.Millisecond) {
		c.addf(r.maxDelay.at(), "max_delay is less than delay")
	}
}

// setCheckpoints adds them to a job.
func (p *Pipeline) setCheckpoints(j *afflux.Job) {
	if p.checkpoints.given {
		c := &p.checkpoints.value
		j.Set(afflux.Checkpoints(c.dir.value, c.options()...))
	}
	if p.restart.given {
		j.Set(afflux.Restart(p.restart.value.strategy()))
	}
}

// TakesCheckpoints tells whether the pipeline has checkpoints.
func (p *Pipeline) TakesCheckpoints() bool { return p.checkpoints.given }
