package generator

// Random is the generator of java.util.Random: linear congruential, with 48
// bits of state. Java's documentation specifies every method used here to the
// bit, so that the same seed gives the same events as in Beam.
type Random struct{ state uint64 }

const (
	multiplier = 0x5DEECE66D
	increment  = 0xB
	mask       = 1<<48 - 1
)

// NewRandom returns the generator that Java makes of a seed.
func NewRandom(seed int64) *Random { return &Random{(uint64(seed) ^ multiplier) & mask} }

// next returns the upper n bits of the next state, n ≤ 32, with their sign.
func (r *Random) next(n uint) int32 {
	r.state = (r.state*multiplier + increment) & mask
	return int32(r.state >> (48 - n))
}

// Int32 is any 32-bit number.
func (r *Random) Int32() int32 { return r.next(32) }

// Int32N is a number from 0 to n-1. It panics unless n is positive.
func (r *Random) Int32N(n int32) int32 {
	if n <= 0 {
		panic("Int32N of a number that is not positive")
	}
	u := r.next(31)
	if n&(n-1) == 0 { // a power of two takes the upper bits, which are the better ones
		return int32(int64(n) * int64(u) >> 31)
	}
	v := u % n
	for u-v+(n-1) < 0 { // overflow: u is in the last, incomplete run of n numbers
		u = r.next(31)
		v = u % n
	}
	return v
}

// Int64 is any of 2^48 64-bit numbers.
func (r *Random) Int64() int64 {
	high := int64(r.next(32)) << 32
	return high + int64(r.next(32))
}

// Float64 is a number from 0 to just below 1.
func (r *Random) Float64() float64 {
	high := int64(r.next(26)) << 27
	return float64(high+int64(r.next(27))) * 0x1p-53
}
