package follow

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/affluxdev/afflux"
)

// Config of the experiment.
type Config struct {
	// Phase is how long each phase lasts; at least MinPhase.
	Phase time.Duration
	// WarmUp is how long full speed is measured, after half as long to warm up.
	WarmUp time.Duration
}

// MinPhase is the shortest phase that can be judged.
const MinPhase = 200 * time.Millisecond

// Result is what was measured. Rates of phases are fractions of Max.
type Result struct {
	// Max is full speed: what the engine moves when nothing is slowed, records
	// per second, the best of some measurements. Raw and Buffer likewise.
	Max float64 `json:"max_records_per_second"`
	// Raw is one loop that generates and consumes; Buffer is one that fills a
	// buffer of BufferBytes and reads it. Both without the engine, moments
	// before.
	Raw    float64 `json:"raw_records_per_second"`
	Buffer float64 `json:"buffer_records_per_second"`
	Phases []Phase `json:"phases"`

	samples []sample // of all phases
}

// Phase is one setting of the two valves.
type Phase struct {
	Name string `json:"name"`
	// Producer and Consumer are the mean rates from Settle on to the end of
	// the phase.
	Producer float64 `json:"producer"`
	Consumer float64 `json:"consumer"`
	// SettleMS is the time until the producer follows; nil if it never did.
	SettleMS *float64 `json:"settle_ms"`

	from, to time.Duration
}

// Settle is how long the producer may take to follow.
const Settle = 50 * time.Millisecond

// settings are the limits of each phase as fractions of the maximum, 0 for
// none; at most one side is limited.
var settings = []struct {
	name               string
	producer, consumer float64
}{
	{"producer at 60 %", 0.6, 0},
	{"consumer at 30 %", 0, 0.3},
	{"released", 0, 0},
	{"consumer at 30 %", 0, 0.3},
	{"released", 0, 0},
}

// Run runs the experiment. It takes about 2.5 times WarmUp and five phases. When
// ctx ends, so does the experiment.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if cfg.Phase < MinPhase {
		return nil, fmt.Errorf("a phase of %v is too short: at least %v is needed", cfg.Phase, MinPhase)
	}
	res := &Result{Raw: rate(cfg.WarmUp/2, loop), Buffer: rate(cfg.WarmUp/2, buffer)}
	p, c := &valve{clock: time.Now}, &valve{clock: time.Now}
	job := afflux.NewJob("follow", afflux.Parallelism(1), afflux.Buffers(2, BufferBytes))
	afflux.From(job, "producer", &producer{p}).Watermarks(afflux.InOrder()).
		To("consumer", &consumer{valve: c}, afflux.Unchained())
	run, err := job.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := res.measure(ctx, cfg, p, c); err != nil {
		run.Cancel()
		<-run.Done()
		return nil, err
	}
	run.Drain()
	if err := run.Wait(); err != nil {
		return nil, err
	}
	if got, want := c.count.Load(), p.count.Load(); got != want {
		return nil, fmt.Errorf("the consumer got %d records of %d", got, want)
	}
	return res, nil
}

func (r *Result) measure(ctx context.Context, cfg Config, p, c *valve) error {
	s := &sampler{producer: p, consumer: c, start: time.Now()}
	if err := s.until(ctx, cfg.WarmUp/2); err != nil {
		return err
	}
	// Disturbances only slow down, so the best part is what the engine can do.
	for part := range parts {
		first := s.samples[len(s.samples)-1]
		if err := s.until(ctx, cfg.WarmUp/2+cfg.WarmUp*time.Duration(part+1)/parts); err != nil {
			return err
		}
		last := s.samples[len(s.samples)-1]
		r.Max = max(r.Max, float64(last.consumed-first.consumed)/(last.at-first.at).Seconds())
	}
	s.samples, s.start = s.samples[:0], time.Now()
	for i, set := range settings {
		p.rate.Store(int64(r.Max * set.producer))
		c.rate.Store(int64(r.Max * set.consumer))
		from := time.Since(s.start)
		to := cfg.Phase * time.Duration(i+1)
		begin := len(s.samples)
		if err := s.until(ctx, to); err != nil {
			return err
		}
		limit := math.Inf(1)
		if f := set.producer + set.consumer; f > 0 {
			limit = r.Max * f
		}
		r.Phases = append(r.Phases, judge(set.name, s.samples[begin:], from, to, r.Max, limit))
	}
	r.samples = s.samples
	p.rate.Store(0)
	c.rate.Store(0)
	return nil
}

// parts is how often full speed is measured, and that of the loops.
const parts = 4

// rate runs f for about d in all and returns the best rate, records per second.
func rate(d time.Duration, f func(int64) uint64) (best float64) {
	n := int64(1 << 16)
	for done := 0; done < parts; {
		start := time.Now()
		runtime.KeepAlive(f(n))
		took := time.Since(start)
		if took < d/(2*parts) && n < 1<<40 {
			n *= 2
			continue
		}
		best = max(best, float64(n)/took.Seconds())
		done++
	}
	return best
}
