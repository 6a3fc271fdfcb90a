package event

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// A key hash is 64 bits, the same on every machine and in every run: which
// subtask and which stored state a key belongs to follow from it. It is
// computed once, where a keyed exchange begins, and carried with the record.
// It is never 0, so that tables can use 0 for an empty slot.

const (
	mixAdd = 0x2d358dccaa6c78a5
	mixMul = 0x8bb84b93962eacc9
	mixLow = 0x4b33a62ed433d4a3
	mixTop = 0xd1b54a32d192ed03
)

// mix is a round of a multiplication of 64 by 64 to 128 bits, folded.
func mix(v, mul uint64) uint64 {
	hi, lo := bits.Mul64(v, mul)
	return hi ^ lo
}

// nonzero maps 0 to 1 without a branch.
func nonzero(h uint64) uint64 {
	_, borrow := bits.Sub64(h, 1, 0)
	return h + borrow
}

// HashUint64 is the hash of an integer key. Integers of all sizes, widened to
// 64 bits, share it. It takes two multiplications: one leaves the low bits
// uneven for keys that are multiples of a round number.
func HashUint64(v uint64) uint64 {
	hi, lo := bits.Mul64(v^mixAdd, mixMul)
	return nonzero(mix(lo^mixLow, hi^mixTop))
}

// HashString is the hash of a string key: XXH3, 64 bits, seed 0.
func HashString(s string) uint64 { return nonzero(xxh3.HashString(s)) }
