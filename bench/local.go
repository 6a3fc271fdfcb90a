package bench

import (
	"context"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
)

// bufferRaw fills and reads one buffer of about 4 096 bytes.
func bufferRaw(n int) (s uint64) {
	const size = 4096 / 32
	values, times := make([]Small, size), make([]event.Time, size)
	fill, sum := fillSmall, sumSmall
	for i := 0; i < n; i += size {
		b := values[:min(size, n-i)]
		fill(b, times[:len(b)], i, 0)
		s += sum(b)
	}
	return s
}

// loopRaw generates and consumes in one loop: the ceiling.
func loopRaw(n int) (s uint64) {
	for i := range n {
		r := smallAt(i)
		s += uint64(r.Val) ^ r.Key
	}
	return s
}

// local moves records from one task to another through 2 buffers of 4 096 bytes.
func local(ctx context.Context, n int) (uint64, error) {
	j := afflux.NewJob("local", afflux.Parallelism(1), afflux.Buffers(2, 4096))
	out := sink[Small]{fold: sumSmall}
	afflux.From(j, "source", source[Small]{n, fillSmall}).Watermarks(afflux.InOrder()).
		To("sum", &out, afflux.Unchained())
	err := j.Run(ctx)
	return out.sum.Load(), err
}
