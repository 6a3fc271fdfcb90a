package bench

import (
	"context"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/event"
)

func fillSmall(values []Small, times []event.Time, first, _ int) {
	times = times[:len(values)]
	for j := range values {
		i := first + j
		values[j] = Small{Key: scramble(uint64(i)), Val: int64(i), TS: int64(i)}
		times[j] = event.Time(i)
	}
}

func sumSmall(values []Small) (s uint64) {
	for i := range values {
		r := &values[i]
		s += uint64(r.Val) ^ r.Key
	}
	return s
}

// chainSmallRaw generates, maps, filters and sums in one loop.
func chainSmallRaw(n int) (s uint64) {
	for i := range n {
		r := smallAt(i)
		r.Val = r.Val*3 + 1
		if r.Key&7 != 0 {
			s += uint64(r.Val) ^ r.Key
		}
	}
	return s
}

// chainSmall changes records in place; the source has the event times.
func chainSmall(ctx context.Context, n int) (uint64, error) {
	j := afflux.NewJob("chain", afflux.Parallelism(1))
	out := sink[Small]{fold: sumSmall}
	afflux.From(j, "source", source[Small]{n, fillSmall}).Watermarks(afflux.InOrder()).
		Update("triple", func(r *Small) { r.Val = r.Val*3 + 1 }).
		Filter("most", func(r *Small) bool { return r.Key&7 != 0 }).
		To("sum", &out)
	err := j.Run(ctx)
	return out.sum.Load(), err
}

// chainSmallMap makes new records, and takes event times from a function.
func chainSmallMap(ctx context.Context, n int) (uint64, error) {
	j := afflux.NewJob("chain", afflux.Parallelism(1))
	out := sink[Small]{fold: sumSmall}
	afflux.From(j, "source", source[Small]{n, fillSmall}).EventTime((*Small).when, afflux.InOrder()).
		Map("triple", func(r *Small) Small { return Small{r.Key, r.Val*3 + 1, r.TS} }).
		Filter("most", func(r *Small) bool { return r.Key&7 != 0 }).
		To("sum", &out)
	err := j.Run(ctx)
	return out.sum.Load(), err
}

func fillWide(values []Wide, times []event.Time, first, _ int) {
	times = times[:len(values)]
	for j := range values {
		i := first + j
		r := &values[j]
		r.Key, r.Val, r.TS, r.A = scramble(uint64(i)), int64(i), int64(i), 1
		r.S, r.U = text, text
		times[j] = event.Time(i)
	}
}

func sumWide(values []Wide) (s uint64) {
	for i := range values {
		r := &values[i]
		s += uint64(r.Val) ^ r.Key + uint64(len(r.S))
	}
	return s
}

// chainWideRaw makes, maps, filters and sums in one loop, by value as one
// would write it; the compiler copies records of this size.
func chainWideRaw(n int) (s uint64) {
	for i := range n {
		r := wideAt(i)
		r.Val = r.Val*3 + 1
		if r.Key&7 != 0 {
			s += uint64(r.Val) ^ r.Key + uint64(len(r.S))
		}
	}
	return s
}

// chainWideBuffer is the same by hand: records are written field by field into
// one buffer of 256, and changed and read there, so that none is ever copied.
func chainWideBuffer(n int) (s uint64) {
	buf, times := make([]Wide, 256), make([]event.Time, 256)
	for i := 0; i < n; i += len(buf) {
		b := buf[:min(len(buf), n-i)]
		fillWide(b, times, i, 0)
		for k := range b {
			r := &b[k]
			r.Val = r.Val*3 + 1
			if r.Key&7 != 0 {
				s += uint64(r.Val) ^ r.Key + uint64(len(r.S))
			}
		}
	}
	return s
}

func chainWide(ctx context.Context, n int) (uint64, error) {
	j := afflux.NewJob("chain", afflux.Parallelism(1))
	out := sink[Wide]{fold: sumWide}
	afflux.From(j, "source", source[Wide]{n, fillWide}).Watermarks(afflux.InOrder()).
		Update("triple", func(r *Wide) { r.Val = r.Val*3 + 1 }).
		Filter("most", func(r *Wide) bool { return r.Key&7 != 0 }).
		To("sum", &out)
	err := j.Run(ctx)
	return out.sum.Load(), err
}
