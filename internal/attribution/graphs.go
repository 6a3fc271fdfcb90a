package main

import (
	"time"

	"github.com/affluxdev/afflux"
	"github.com/affluxdev/afflux/window"
)

// graph builds a job out of the operators that a builder gives it.
type graph func(b *builder)

// graphs are the rows' graphs by name. Operators are named by their place.
var graphs = map[string]graph{
	"chain":   chain,
	"behind":  behind,
	"diamond": diamond,
	"join":    join,
	"fan-out": fanOut,
	"keyed":   keyed,
	"windows": windows,
	"lines":   lines,
}

// chain is a line of operators.
func chain(b *builder) {
	s := b.source("source")
	for _, name := range []string{"first", "middle", "last"} {
		s = b.stage(s, name)
	}
	b.sink(s, "sink")
}

// behind is a chain behind an exchange: with chaining, the source is one task
// and the others are another.
func behind(b *builder) {
	s := b.source("source").Rebalance()
	for _, name := range []string{"first", "middle", "last"} {
		s = b.stage(s, name)
	}
	b.sink(s, "sink")
}

// diamond parts a stream into two that meet again.
func diamond(b *builder) {
	s := b.stage(b.source("source"), "before")
	halves := s.Split("split", 2, func(v *Record) int { return int(v.Seq / splitsOfTopic % 2) })
	left, right := b.stage(halves[0], "left"), b.stage(halves[1], "right")
	b.sink(b.stage(left.Union("union", right), "after"), "sink")
}

// join brings two sources together, record by record: each finds its other one
// however far one source is ahead.
func join(b *builder) {
	left := b.stage(timed(b.source("orders")), "left")
	right := b.stage(timed(b.source("payments")), "right")
	work := func() {}
	if w := b.way("join"); w != nil && w.work != nil {
		work = w.work(b)
	}
	pairs := left.KeyBy("order", byKey).Join(right.KeyBy("paid", byKey)).
		Between(-time.Minute, time.Minute).
		Inner("join", func(l, _ *Record) Record { work(); return *l }, afflux.AnyOrder())
	b.sink(b.stage(pairs.Stream, "after"), "sink")
}

// fanOut gives every record to three branches.
func fanOut(b *builder) {
	s := b.stage(b.source("source"), "before")
	for _, name := range []string{"a", "b", "c"} {
		b.sink(b.stage(s, name), name+"-sink")
	}
}

// keyed keeps the last record of each key.
func keyed(b *builder) {
	s := b.stage(b.source("source"), "before")
	w := b.way("keyed")
	if w != nil && w.stage != nil {
		s = w.stage(b, s, "keyed")
	} else {
		work := func() {}
		if w != nil && w.work != nil {
			work = w.work(b)
		}
		s = s.KeyBy("key", byKey).Reduce("keyed", func(acc, v *Record) { work(); *acc = *v }, afflux.AnyOrder())
	}
	b.sink(b.stage(s, "after"), "sink")
}

// windows counts the records of each key a second.
func windows(b *builder) {
	s := b.stage(timed(b.source("source")), "before")
	work := func() {}
	if w := b.way("window"); w != nil && w.work != nil {
		work = w.work(b)
	}
	counts := afflux.Aggregator[Record, int64, int64]{
		Add:    func(a *int64, _ *Record) { work(); *a++ },
		Merge:  func(a, o *int64) { *a += *o },
		Result: func(a *int64) int64 { return *a },
	}
	counted := s.KeyBy("key", byKey).Window(window.Tumbling(time.Second)).Aggregate("window", counts, afflux.AnyOrder()).
		Map("result", func(r *window.Result[int64, int64]) Record { return Record{Key: r.Key, Seq: r.Value} })
	b.sink(b.stage(counted, "after"), "sink")
}

// lines are two lines in one job that have nothing to do with each other.
func lines(b *builder) {
	b.sink(b.stage(b.stage(b.source("clicks"), "parse"), "score"), "report")
	b.sink(b.stage(b.stage(b.source("orders"), "check"), "price"), "ledger")
}

func byKey(v *Record) int64 { return v.Key }

// timed lets the times at which the records were read be their event times.
func timed(s *afflux.Stream[Record]) *afflux.Stream[Record] {
	return s.Watermarks(afflux.OutOfOrder(100 * time.Millisecond).IdleAfter(time.Second))
}
