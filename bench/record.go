package bench

import (
	"math/bits"

	"github.com/affluxdev/afflux/event"
)

// Small is a record of 24 bytes without pointers.
type Small struct {
	Key uint64
	Val int64
	TS  int64
}

// Wide is a record of 64 bytes with two strings.
type Wide struct {
	Key  uint64
	Val  int64
	TS   int64
	A    int64
	S, U string
}

// Word is a record whose key is a string.
type Word struct {
	Key string
	Val int64
}

// scramble makes a key of a number: a few instructions, all bits change.
func scramble(x uint64) uint64 {
	x *= 0x9E3779B97F4A7C15
	return x ^ x>>32
}

// pick makes a number below keys of an index and the number of a stream.
func pick(i int, stream int, keys uint64) uint64 {
	x := (uint64(i) + uint64(stream)<<40) * 0x9E3779B97F4A7C15
	hi, lo := bits.Mul64(x, 0xd6e8feb86659fd93)
	k, _ := bits.Mul64(hi^lo, keys)
	return k
}

func smallAt(i int) Small { return Small{Key: scramble(uint64(i)), Val: int64(i), TS: int64(i)} }

func keyedAt(i, stream int, keys uint64) Small {
	return Small{Key: pick(i, stream, keys)*0x9E3779B97F4A7C15 + 12345, Val: int64(i & 1023), TS: int64(i)}
}

var text = "user-000123-abcdef"

func wideAt(i int) (r Wide) {
	r.Key, r.Val, r.TS, r.A = scramble(uint64(i)), int64(i), int64(i), 1
	r.S, r.U = text, text
	return r
}

func (r *Small) when() event.Time { return event.Time(r.TS) }
func (r *Small) key() uint64      { return r.Key }
func (r *Word) key() string       { return r.Key }
