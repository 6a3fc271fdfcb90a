package follow

import (
	"context"
	"time"
)

// sample is how many records had passed both valves at an instant.
type sample struct {
	at                 time.Duration // since the start
	produced, consumed int64
}

// sampleEvery is the time between samples; under load it is longer.
const sampleEvery = time.Millisecond

// Window is the time over which rates are compared.
const Window = 10 * time.Millisecond

// sampler reads the valves.
type sampler struct {
	producer, consumer *valve
	start              time.Time
	samples            []sample
}

// until samples until the given time since the start.
func (s *sampler) until(ctx context.Context, end time.Duration) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s.samples = append(s.samples, s.take())
		if time.Since(s.start) >= end {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take reads both counts as of one instant: if the producer went on meanwhile
// by more than is in flight anyway, it reads again.
func (s *sampler) take() sample {
	for try := 0; ; try++ {
		before := s.producer.count.Load()
		consumed := s.consumer.count.Load()
		at := time.Since(s.start)
		after := s.producer.count.Load()
		if after-before <= 2*perBuffer || try == 4 {
			return sample{at: at, produced: before, consumed: consumed}
		}
	}
}

// step is the rate of both in one Window.
type step struct {
	from, to           time.Duration
	producer, consumer float64 // records per second
}

// steps divides samples into windows.
func steps(samples []sample) (out []step) {
	if len(samples) == 0 {
		return nil
	}
	last := samples[0]
	for _, s := range samples[1:] {
		if d := s.at - last.at; d >= Window {
			out = append(out, step{last.at, s.at,
				float64(s.produced-last.produced) / d.Seconds(), float64(s.consumed-last.consumed) / d.Seconds()})
			last = s
		}
	}
	return out
}

// The producer follows when its rate is within tolerance of the consumer's in
// so many windows in a row. In the first of them it is no more than slack above
// the limit of the phase; later it may be, when the limited side makes up for a
// stall.
const (
	tolerance = 0.01
	slack     = 0.10
	inARow    = 5
)

// judge computes the rates of a phase and when the producer followed. most is
// full speed and limit that of the phase, records per second.
func judge(name string, samples []sample, from, to time.Duration, most, limit float64) Phase {
	p := Phase{Name: name, from: from, to: to}
	p.Producer, p.Consumer = mean(samples, from+Settle)
	p.Producer /= most
	p.Consumer /= most
	all := steps(samples)
	follows := 0
	for i, s := range all {
		if !within(s.producer, s.consumer, tolerance) {
			follows = 0
			continue
		}
		if follows == 0 && s.producer > limit*(1+slack) {
			continue
		}
		if follows++; follows == inARow {
			ms := float64((all[i-follows+1].to - from).Microseconds()) / 1000
			p.SettleMS = &ms
			break
		}
	}
	return p
}

// mean is the rate of both from an instant on, records per second.
func mean(samples []sample, from time.Duration) (producer, consumer float64) {
	if len(samples) == 0 {
		return 0, 0
	}
	last := samples[len(samples)-1]
	for _, s := range samples {
		if s.at >= from && last.at > s.at {
			d := (last.at - s.at).Seconds()
			return float64(last.produced-s.produced) / d, float64(last.consumed-s.consumed) / d
		}
	}
	return 0, 0
}

func within(a, b, share float64) bool { return a >= b*(1-share) && a <= b*(1+share) }
