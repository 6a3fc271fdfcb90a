package memory_test

import (
	"math/bits"
	"testing"
	"time"

	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/state"
	"github.com/affluxdev/afflux/state/memory"
)

const (
	benchKeys  = 1_000_000
	benchBatch = 1024
)

// draw fills a batch with evenly distributed key numbers.
func draw(into []uint64, x uint64) uint64 {
	for i := range into {
		x += 0x9E3779B97F4A7C15
		hi, lo := bits.Mul64(x, 0xd6e8feb86659fd93)
		into[i], _ = bits.Mul64(hi^lo, benchKeys)
	}
	return x
}

// compare runs two loops over the same batches in turn and reports nanoseconds
// per record of both and their ratio. make prepares a batch outside of the
// measured time.
func compare(b *testing.B, prepare func(numbers []uint64), table, builtin func()) {
	numbers := make([]uint64, benchBatch)
	x := uint64(7)
	batch := func(loop func()) time.Duration {
		x = draw(numbers, x)
		prepare(numbers)
		start := time.Now()
		loop()
		return time.Since(start)
	}
	const warm = 8 * benchKeys / benchBatch // all keys but one in three thousand
	for range warm {
		batch(table)
	}
	for range warm {
		batch(builtin)
	}
	var ours, theirs time.Duration
	records := 0
	b.ResetTimer()
	for records < b.N {
		const run = 256 // batches, so that each loop has the caches to itself
		for range run {
			ours += batch(table)
		}
		for range run {
			theirs += batch(builtin)
		}
		records += run * benchBatch
	}
	b.StopTimer()
	b.ReportMetric(float64(ours)/float64(records), "table-ns/record")
	b.ReportMetric(float64(theirs)/float64(records), "builtin-ns/record")
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
}

// lookup hashes a batch and adds it to a table: what a keyed operator does,
// and the hash, which the exchange has computed already.
func lookup[K comparable](table state.Table[K, count], keys []K, hash func(K) uint64) func() {
	hashes, out := make([]uint64, len(keys)), make([]*count, len(keys))
	return func() {
		for i, k := range keys {
			hashes[i] = hash(k)
		}
		table.Lookup(keys, hashes, out)
		for _, s := range out {
			s.n++
			s.sum += 3
		}
	}
}

func BenchmarkIntKeys(b *testing.B) {
	keys := make([]uint64, benchBatch)
	prepare := func(numbers []uint64) {
		for i, n := range numbers {
			keys[i] = n*0x9E3779B97F4A7C15 + 12345 // ids far apart
		}
	}
	builtin := map[uint64]count{}
	compare(b, prepare, lookup(memory.NewTable[uint64, count](), keys, event.HashUint64), func() {
		for _, k := range keys {
			s := builtin[k]
			s.n++
			s.sum += 3
			builtin[k] = s
		}
	})
}

func BenchmarkStringKeys(b *testing.B) {
	const length = 18
	frame, keys := make([]byte, benchBatch*length), make([]string, benchBatch)
	prepare := func(numbers []uint64) {
		for i, n := range numbers {
			k := frame[i*length : (i+1)*length]
			copy(k, "user-")
			for at := length - 1; at >= 5; at-- {
				k[at] = byte('0' + n%10)
				n /= 10
			}
			keys[i] = aliasOf(k)
		}
	}
	builtin := map[string]*count{}
	compare(b, prepare, lookup(memory.NewTable[string, count](), keys, event.HashString), func() {
		for _, k := range keys {
			s := builtin[k]
			if s == nil {
				s = new(count)
				builtin[string([]byte(k))] = s
			}
			s.n++
			s.sum += 3
		}
	})
}
