package generator

import (
	"fmt"
	"math"
	"time"
)

// Profile is a rate as a pure function of the time since the start, in
// records a second. The number of records due is its integral, so that the
// count over any time is exact and does not drift.
type Profile struct {
	name  string
	rate  func(t time.Duration) float64
	total func(t time.Duration) float64
}

// NewProfile makes a profile of a rate and its integral from 0 to t. Both must
// be pure, finite and at least 0; total must not decrease and be 0 at 0.
func NewProfile(name string, rate, total func(t time.Duration) float64) Profile {
	return Profile{name, rate, total}
}

// Rate returns the records a second at t after the start.
func (p Profile) Rate(t time.Duration) float64 { return p.rate(max(t, 0)) }

// Total returns the records due until t after the start, with fraction.
func (p Profile) Total(t time.Duration) float64 { return p.total(max(t, 0)) }

// String describes the profile.
func (p Profile) String() string { return p.name }

// valid refuses numbers that a rate cannot have.
func valid(rates ...float64) bool {
	for _, r := range rates {
		if r < 0 || r > 1e12 || math.IsNaN(r) {
			return false
		}
	}
	return true
}

// broken is a profile of nonsensical parameters; Open reports it.
func broken(format string, args ...any) Profile {
	return Profile{name: "invalid: " + fmt.Sprintf(format, args...)}
}

// Constant is the same rate at all times.
func Constant(rate float64) Profile {
	if !valid(rate) {
		return broken("constant rate %v", rate)
	}
	return Profile{
		name:  fmt.Sprintf("constant %g/s", rate),
		rate:  func(time.Duration) float64 { return rate },
		total: func(t time.Duration) float64 { return over(rate, t) },
	}
}

// over returns the records of a constant rate in a time; exact where the
// result is whole.
func over(rate float64, t time.Duration) float64 { return rate * float64(t) / 1e9 }

// Ramp goes evenly from one rate to another in a time and stays there.
func Ramp(from, to float64, in time.Duration) Profile {
	if !valid(from, to) || in < 0 {
		return broken("ramp from %v to %v in %v", from, to, in)
	}
	p := linear([]corner{{0, from}, {in, to}})
	p.name = fmt.Sprintf("ramp %g/s to %g/s in %v", from, to, in)
	return p
}

// Spike is a base rate with a peak between two times. The rate climbs during
// rise from the time from on and falls during fall from the time to on; zero
// is at once.
func Spike(base, peak float64, from, to, rise, fall time.Duration) Profile {
	if !valid(base, peak) || from < 0 || to < from || rise < 0 || fall < 0 || rise > to-from {
		return broken("spike %v to %v from %v to %v, rise %v, fall %v", base, peak, from, to, rise, fall)
	}
	p := linear([]corner{{0, base}, {from, base}, {from + rise, peak}, {to, peak}, {to + fall, base}})
	p.name = fmt.Sprintf("spike %g/s to %g/s from %v to %v", base, peak, from, to)
	return p
}

// Sine swings about a mean: mean + amplitude × sin(2π t / period). The
// amplitude is at most the mean.
func Sine(mean, amplitude float64, period time.Duration) Profile {
	if !valid(mean, amplitude) || amplitude > mean || period <= 0 {
		return broken("sine %v ± %v, period %v", mean, amplitude, period)
	}
	angle := func(t time.Duration) float64 { return 2 * math.Pi * float64(t%period) / float64(period) }
	swing := amplitude * period.Seconds() / (2 * math.Pi)
	return Profile{
		name:  fmt.Sprintf("sine %g/s ± %g/s, period %v", mean, amplitude, period),
		rate:  func(t time.Duration) float64 { return mean + amplitude*math.Sin(angle(t)) },
		total: func(t time.Duration) float64 { return over(mean, t) + swing*(1-math.Cos(angle(t))) },
	}
}

// Bursts is a base rate with a peak of a length at the beginning of every
// period.
func Bursts(base, peak float64, length, period time.Duration) Profile {
	if !valid(base, peak) || period <= 0 || length < 0 || length > period {
		return broken("bursts %v to %v, %v of every %v", base, peak, length, period)
	}
	each := over(peak, length) + over(base, period-length)
	return Profile{
		name: fmt.Sprintf("bursts of %g/s for %v of every %v, else %g/s", peak, length, period, base),
		rate: func(t time.Duration) float64 {
			if t%period < length {
				return peak
			}
			return base
		},
		total: func(t time.Duration) float64 {
			in := t % period
			return float64(t/period)*each + over(peak, min(in, length)) + over(base, max(in-length, 0))
		},
	}
}
