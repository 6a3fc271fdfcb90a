package bench

import (
	"context"
	"strings"
	"time"
	"unsafe"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
	"github.com/affluxdev/afflux/window"
)

const wordLen = 18

// spell writes the word of a number.
func spell(b []byte, k uint64) {
	copy(b, "user-")
	for i := wordLen - 1; i >= 5; i-- {
		b[i] = byte('0' + k%10)
		k /= 10
	}
}

// fillWords makes keys as a decoder does: the text of a batch is one
// allocation, and the keys point into it.
func fillWords(keys uint64) func([]Word, []event.Time, int, int) {
	return func(values []Word, times []event.Time, first, stream int) {
		text := make([]byte, len(values)*wordLen)
		for j := range values {
			b := text[j*wordLen : (j+1)*wordLen]
			spell(b, pick(first+j, stream, keys))
			values[j] = Word{unsafe.String(&b[0], wordLen), int64(first + j)}
			times[j] = event.Time(first + j)
		}
	}
}

type count struct{ n, sum int64 }

// wordsRaw counts in builtin maps, one for each goroutine, each with its part
// of the keys.
func wordsRaw(keys uint64, goroutines int) func(n int) uint64 {
	loop := func(n, stream int, keys uint64) (s uint64) {
		counts := map[string]*count{}
		var b [wordLen]byte
		for i := range n {
			spell(b[:], pick(i, stream, keys))
			c := counts[string(b[:])]
			if c == nil {
				c = &count{}
				counts[strings.Clone(string(b[:]))] = c
			}
			c.n++
			c.sum += int64(i)
		}
		for _, c := range counts {
			s += uint64(c.n)
		}
		return s
	}
	return func(n int) uint64 {
		if goroutines == 1 {
			return loop(n, 0, keys)
		}
		return each(func(stream int) uint64 { return loop(n/parallel, stream, keys/parallel) })
	}
}

// wordCount counts by string key in one window.
func wordCount(keys uint64) func(context.Context, int) (uint64, error) {
	return func(ctx context.Context, n int) (uint64, error) {
		j := afflux.NewJob("words", afflux.Parallelism(parallel))
		out := sink[window.Result[string, count]]{fold: func(values []window.Result[string, count]) (s uint64) {
			for i := range values {
				s += uint64(values[i].Value.n)
			}
			return s
		}}
		afflux.From(j, "source", source[Word]{n, fillWords(keys)}).Watermarks(afflux.InOrder()).
			KeyBy("word", (*Word).key).
			Window(window.Tumbling(time.Hour)).
			Aggregate("count", afflux.Aggregator[Word, count, count]{
				Add:    func(c *count, w *Word) { c.n++; c.sum += w.Val },
				Merge:  func(into, from *count) { into.n += from.n; into.sum += from.sum },
				Result: func(c *count) count { return *c },
			}).
			To("sum", &out)
		err := j.Run(ctx)
		return out.sum.Load(), err
	}
}
